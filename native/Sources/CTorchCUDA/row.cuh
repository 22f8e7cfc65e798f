// Rows on the card: some threads of a warp, a warp or a block of them take a row, each thread some packs of its numbers, in float32.
#pragma once

#include "packs.cuh"

namespace {

// Numbers of rows and places in a row: divisions by 64-bit numbers are slow on a card.
using Index = uint32_t;

// Numbers of a row that a thread takes at once: four, or what 16 bytes hold. More are faster for the short rows of heads, and
// slower beside vectors of float32.
constexpr int quad = 4;

// What `join` makes of the values of the threads of a row.
template <int threads, class Join> __device__ float joined(float value, Join join) {
    for (int offset = (threads < warp ? threads : warp) / 2; offset; offset /= 2)
        value = join(value, __shfl_xor_sync(~0u, value, offset));
    if constexpr (threads > warp) {
        constexpr int warps = threads / warp;
        __shared__ float partial[(threads > block ? threads : block) / warp];
        const int first = threadIdx.x / threads * warps;
        __syncthreads();  // those of the time before have been read
        if (threadIdx.x % warp == 0) partial[threadIdx.x / warp] = value;
        __syncthreads();
        value = partial[first];
        for (int i = 1; i < warps; ++i) value = join(value, partial[first + i]);
    }
    return value;
}

template <int threads> __device__ float total(float value) {
    return joined<threads>(value, [](float a, float b) { return a + b; });
}

// The packs of one row that a thread holds: every `threads`-th, `count` of them at most.
template <int pack, int threads, int count> struct Row {
    Index width, first;
    Numbers<pack> packs[count];

    Row() = default;
    // `numbers(where a pack begins)` makes it.
    template <class Make> __device__ Row(Index width, Make numbers) : width(width), first(pack * (threadIdx.x % threads)) {
        each([&](int i, Index at) { packs[i] = numbers(at); });
    }
    template <class T>
    __device__ Row(const T *row, Index width) : Row(width, [&](Index at) { return load<pack>(row + at); }) {}

    // Calls `body(number of the pack, where it begins)`.
    template <class Body> __device__ void each(Body body) {
#pragma unroll
        for (int i = 0; i < count; ++i)
            if (const Index at = first + i * pack * threads; at < width) body(i, at);
    }

    // The sum of what `function` gives for each number.
    template <class Function> __device__ float sum(Function function) {
        float result = 0;
        each([&](int i, Index) {
            for (float number : packs[i].values) result += function(number);
        });
        return total<threads>(result);
    }

    __device__ float inverse_root_mean_square(float epsilon) {
        return rsqrtf(sum([](float x) { return x * x; }) / width + epsilon);
    }
};

// The row that the calling thread works on. Threads beyond the last row take part in the sums of their block with rows of no
// width.
template <int threads> __device__ Index row_index() {
    return blockIdx.x * (block / threads) + threadIdx.x / threads;
}

template <class V> __device__ const V *vector(const ct::Vectors &vectors, Index row) {
    return static_cast<const V *>(vectors.start) + row / static_cast<Index>(vectors.rows) * vectors.stride;
}

// A number of a row with that mean and that factor, normed.
__device__ float modulated(float number, float mean, float factor, float scale, float shift) {
    return (number - mean) * factor * (1 + scale) + shift;
}

// layerNorm(x) * (1 + scale) + shift of the row of an index, or that of rmsNorm(x).
template <class V, int threads, int count, bool is_centred = true, class T>
__device__ Row<quad, threads, count> modulated(const T *x, Index index, Index width, const ct::Vectors &scale,
                                               const ct::Vectors &shift, float epsilon) {
    Row<quad, threads, count> row(x, width);
    const float mean = is_centred ? row.sum([](float number) { return number; }) / width : 0;
    const float variance = row.sum([&](float number) { return (number - mean) * (number - mean); }) / width;
    const float factor = rsqrtf(variance + epsilon);
    const V *scales = vector<V>(scale, index), *shifts = vector<V>(shift, index);
    row.each([&](int i, Index at) {
        auto &numbers = row.packs[i];
        const auto a = load<quad>(scales + at), b = load<quad>(shifts + at);
        for (int j = 0; j < quad; ++j) numbers.values[j] = modulated(numbers.values[j], mean, factor, a.values[j], b.values[j]);
    });
    return row;
}

// Calls `body(a, b)` with a number of each type; the second is the first or float32.
template <class Body> void with_types(Number first, Number second, Body body) {
    with_type(first, [&](auto a) { first == second ? body(a, a) : body(a, float{}); });
}

template <int value> struct Constant {
    static constexpr int get = value;
};

// Calls `body(threads of a row, packs of a thread)` with constants that a row of so many packs fits.
template <class Body> void with_shape(int64_t packs, Body body) {
    if (packs <= warp / 2) return body(Constant<warp / 2>{}, Constant<1>{});
    if (packs <= warp) return body(Constant<warp>{}, Constant<1>{});
    if (packs <= 4 * warp) return body(Constant<warp>{}, Constant<4>{});
    if (packs <= 2 * block) return body(Constant<block>{}, Constant<2>{});
    if (packs <= 4 * block) return body(Constant<block>{}, Constant<4>{});
    if (packs <= 8 * block) return body(Constant<block>{}, Constant<8>{});
    body(Constant<block>{}, Constant<16>{});
}

unsigned blocks(int64_t rows, int threads) {
    const int64_t rows_of_a_block = block / threads;
    return static_cast<unsigned>((rows + rows_of_a_block - 1) / rows_of_a_block);
}

}  // namespace
