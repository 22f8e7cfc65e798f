// Rows that stay in registers in the type that their tokens have, as a pass of its own would leave them: half of what floats take.
#pragma once

#include "row.cuh"

namespace {

template <int count> struct alignas(count * 4) Words {
    uint32_t values[count];
};

// The threads of the block that a row of so many threads lies in, as row_index() counts rows.
template <int threads> constexpr int block_of = threads < block ? block : threads;

template <int threads> unsigned blocks_of_rows(int64_t rows) {
    constexpr int64_t rows_of_block = block_of<threads> / threads;
    return static_cast<unsigned>((rows + rows_of_block - 1) / rows_of_block);
}

// The largest magnitude of a pack's numbers; those that are none do not count.
template <class T, int count> __device__ float largest_of(const Stored<T, count> &pack) {
    if constexpr (sizeof(T) == 4) {
        float result = 0;
        for (int i = 0; i < count; ++i) result = fmaxf(result, fabsf(pack.numbers[i]));
        return result;
    } else {
        const auto *pairs = reinterpret_cast<const typename Pair<T>::Type *>(pack.numbers);
        auto result = __habs2(pairs[0]);
        for (int i = 1; i < count / 2; ++i) result = __hmax2(result, __habs2(pairs[i]));
        const float2 two = ::floats(result);
        return fmaxf(fmaxf(two.x, two.y), 0);
    }
}

// The packs of one row that a thread holds: every `threads`-th, `count` of them at most.
template <class T, int pack, int threads, int count> struct HeldRow {
    Index width, first;
    Stored<T, pack> packs[count];

    // `numbers(where a pack begins)` loads it. All are asked for before the first is there.
    template <class Load> __device__ HeldRow(Index width, Load numbers) : width(width), first(pack * (threadIdx.x % threads)) {
        each([&](int i, Index at) { packs[i] = load_pack<pack>(numbers(at)); });
    }
    __device__ HeldRow(const T *row, Index width) : HeldRow(width, [&](Index at) { return row + at; }) {}
    __device__ HeldRow(const Row<pack, threads, count> &row) : width(row.width), first(row.first) {
        each([&](int i, Index) { packs[i] = stored<T>(row.packs[i]); });
    }

    // Calls `body(number of the pack, where it begins)`.
    template <class Body> __device__ void each(Body body) const {
#pragma unroll
        for (int i = 0; i < count; ++i)
            if (const Index at = first + i * pack * threads; at < width) body(i, at);
    }

    // Changes the numbers from one on: `change(numbers, where they begin behind it)`.
    template <class Change> __device__ void change(Index from, Change change) {
        each([&](int i, Index at) {
            if (at < from) return;
            auto numbers = packs[i].floats();
            change(numbers, at - from);
            packs[i] = stored<T>(numbers);
        });
    }
};

// The sum of what `function` gives for each number of a row of more than 512, bit for bit as a Row sums it that 256 threads hold
// in quads: each of them adds its own in turn, a warp joins its sums in pairs, and the eight warps' are added in turn. A thread
// here holds the quads of several there. `slot` is another one for each sum of a kernel.
template <int slot, class T, int pack, int threads, int count, class Function>
__device__ float sum_of_long_row(const HeldRow<T, pack, threads, count> &row, Function function) {
    constexpr int quads = pack / quad, turns = quad * block / (threads * pack), lanes = warp / quads;
    static_assert(turns * threads * pack == quad * block, "a thread of the other order lies in several of this one");
    float sums[turns][quads] = {};
    row.each([&](int i, Index) {
        const auto numbers = row.packs[i].floats();
        for (int j = 0; j < pack; ++j) sums[i % turns][j / quad] += function(numbers.values[j]);
    });
    __shared__ float partial[2][block / warp];
#pragma unroll
    for (int turn = 0; turn < turns; ++turn) {
        float *own = sums[turn];
        for (float &sum : sums[turn])
            for (int offset = lanes / 2; offset; offset /= 2) sum += __shfl_xor_sync(~0u, sum, offset);
        for (int half = quads / 2; half; half /= 2)
            for (int j = 0; j < half; ++j) own[j] += own[j + half];
        if (threadIdx.x % lanes == 0) partial[slot][turn * threads / lanes + threadIdx.x / lanes] = own[0];
    }
    __syncthreads();
    float result = partial[slot][0];
    for (int i = 1; i < block / warp; ++i) result += partial[slot][i];
    return result;
}

// layerNorm(x) * (1 + scale) + shift of a long row that a block of threads takes, or that of rmsNorm(x): mean and variance are those
// of a Row, bit for bit.
template <class V, bool is_centred = true, class T, int pack, int threads, int count>
__device__ void modulate(HeldRow<T, pack, threads, count> &row, Index index, const ct::Vectors &scale, const ct::Vectors &shift,
                         float epsilon) {
    const V *scales = vector<V>(scale, index), *shifts = vector<V>(shift, index);
    // What takes few registers is asked for before the sums, and comes meanwhile.
    constexpr bool is_early = sizeof(V) == 2;
    Stored<V, pack> factors[count], terms[count];
    const auto ask = [&](int i, Index at) {
        factors[i] = load_pack<pack>(scales + at);
        terms[i] = load_pack<pack>(shifts + at);
    };
    if constexpr (is_early) row.each(ask);
    const float mean = is_centred ? sum_of_long_row<0>(row, [](float number) { return number; }) / row.width : 0;
    const auto square = [&](float number) { return (number - mean) * (number - mean); };
    const float factor = rsqrtf(sum_of_long_row<1>(row, square) / row.width + epsilon);
    row.each([&](int i, Index at) {
        if constexpr (!is_early) ask(i, at);
        auto numbers = row.packs[i].floats();
        const auto a = factors[i].floats(), b = terms[i].floats();
        for (int j = 0; j < pack; ++j) numbers.values[j] = modulated(numbers.values[j], mean, factor, a.values[j], b.values[j]);
        row.packs[i] = stored<T>(numbers);
    });
}

// Whether 16 bytes may be read at once where rows, or vectors, begin.
bool is_aligned(const void *start, int64_t bytes) { return (reinterpret_cast<uintptr_t>(start) | bytes) % 16 == 0; }

template <class V> bool is_aligned(const ct::Vectors &x) { return is_aligned(x.start, x.stride * sizeof(V)); }

// The longest row that a block holds, and a shorter one than any that it does.
constexpr int64_t longest_held_row = 6144, shortest_long_row = 512;

// Whether a block of threads can hold each row of 16-bit numbers.
template <class T> bool are_held(const T *rows, int64_t width) {
    return sizeof(T) == 2 && width > shortest_long_row && width <= longest_held_row && is_aligned(rows, width * sizeof(T));
}

// Calls `body(threads of a row, packs of a thread)` with as few packs, from two to six, as a row takes.
template <int pack, int threads, int count = 2, class Body> void with_fewest(int64_t width, Body body) {
    if constexpr (count < 6)
        if (width > threads * pack * count) return with_fewest<pack, threads, count + 1>(width, body);
    body(Constant<threads>{}, Constant<count>{});
}

// The same with as many threads as a row that a block holds is quick with, in packs of 4 or 8 numbers.
template <int pack, class Body> void with_held_shape(int64_t width, Body body) {
    if (width <= 1536) return with_fewest<pack, 64>(width, body);
    if (width <= 3072) return with_fewest<pack, 128>(width, body);
    with_fewest<pack, 1024 / pack>(width, body);
}

}  // namespace
