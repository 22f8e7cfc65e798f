// Floats rounded to 8 and 4 bits, and back.
//
// Quotients are rounded as a division rounds them: many numbers of 16 bits lie in the middle between two of 8.
#include "few_bits.h"

#include "held_row.cuh"

#include <cuda_fp8.h>

namespace {

using ct::Code;
using ct::Rows;
using ct::Scales;
using ct::Vectors;

constexpr float largest_e2m1 = 6, largest_e4m3 = 448;
// Numbers that share a scale of E2M1, and that a thread takes at once of what is widened.
constexpr int group = 16;

// Long rows are read 16 bytes at once; one of more than 4096 numbers is taken by so many threads.
constexpr int threads_of_long_row = 256;
// Threads that a multiprocessor should have at once, and the most of them that take a piece of a row of whole blocks.
constexpr int threads_together = 1024, most_threads_of_piece = 256;
// The most blocks that a grid has along z.
constexpr int64_t most_along_z = 65535;

struct E4M3 {
    static constexpr float largest = largest_e4m3;
    __device__ static uint32_t codes(const Numbers<quad> &x) {
        const uint32_t low = __nv_cvt_float2_to_fp8x2({x.values[0], x.values[1]}, __NV_SATFINITE, __NV_E4M3);
        const uint32_t high = __nv_cvt_float2_to_fp8x2({x.values[2], x.values[3]}, __NV_SATFINITE, __NV_E4M3);
        return low | high << 16;
    }
    __device__ static float number(uint8_t code) {
        return __half2float(__half(__nv_cvt_fp8_to_halfraw(code, __NV_E4M3)));
    }
};

// Further than the largest by one below zero, as ModelOpt rounds.
struct Int8 {
    static constexpr float largest = 127;
    __device__ static uint32_t codes(const Numbers<quad> &x) {
        uint32_t result = 0;
        for (int i = 0; i < quad; ++i)
            result |= (__float2int_rn(fminf(fmaxf(x.values[i], -128), 127)) & 0xff) << 8 * i;
        return result;
    }
    __device__ static float number(uint8_t code) { return static_cast<int8_t>(code); }
};

// x / y, by y's inverse.
__device__ float quotient(float x, float y, float inverse) {
    const float near = x * inverse;
    return fmaf(fmaf(-near, y, x), inverse, near);
}

// The largest of `lanes` threads side by side.
template <int lanes> __device__ float largest_of_lanes(float value) {
    for (int offset = lanes / 2; offset; offset /= 2) value = fmaxf(value, __shfl_xor_sync(~0u, value, offset));
    return value;
}

template <class C> __device__ float scale_of(float largest) {
    return largest == 0 ? 1 : quotient(largest, C::largest, 1 / C::largest);
}

template <class C, int pack> __device__ void store_codes(const Numbers<pack> &x, float scale, float inverse, uint8_t *at) {
    Words<pack / quad> words;
    for (int i = 0; i < pack / quad; ++i) {
        Numbers<quad> quotients;
        for (int j = 0; j < quad; ++j) quotients.values[j] = quotient(x.values[i * quad + j], scale, inverse);
        words.values[i] = C::codes(quotients);
    }
    move_pack<Words<pack / quad>>(&words, at);
}

// Blocks of so many threads that a multiprocessor should have at once: with fewer, what one loads does not come while another
// computes. A thread that holds much of a row needs more registers.
template <class T, int pack, int threads, int count>
constexpr int together = (count * pack * sizeof(T) <= 128   ? threads_together
                          : count * pack * sizeof(T) <= 256 ? threads_together / 2
                                                            : threads_together / 4) / threads;

// Writes a row's codes and scales. It lies in threads side by side, a row or more in a block of them.
template <class C, class T, int pack, int threads, int count>
__device__ void round_row(const HeldRow<T, pack, threads, count> &row, Index index, bool is_there, Index width,
                          const Scales &scales, uint8_t *codes) {
    uint8_t *out = codes + int64_t{index} * width;
    if (scales.kind == Scales::of_block) {
        // These threads' packs are those of a block, or of the half of one that a short row has.
        constexpr int all = ct::numbers_of_block / pack, lanes = threads < all ? threads : all;
#pragma unroll
        for (int i = 0; i < count; ++i) {
            const Index at = row.first + i * pack * threads;
            const bool is_inside = at < row.width;
            const float scale = scale_of<C>(largest_of_lanes<lanes>(is_inside ? largest_of(row.packs[i]) : 0));
            if (!is_inside) continue;
            store_codes<C>(row.packs[i].floats(), scale, __frcp_rn(scale), out + at);
            if (threadIdx.x % lanes == 0) scales.taken[at / ct::numbers_of_block * scales.stride + index] = scale;
        }
        return;
    }
    float scale = scales.number;
    if (scales.kind == Scales::of_item) scale = is_there ? scales.items[index / static_cast<Index>(scales.rows_of_item)] : 1;
    if (scales.kind == Scales::of_row) {
        float largest = 0;
        row.each([&](int i, Index) { largest = fmaxf(largest, largest_of(row.packs[i])); });
        scale = scale_of<C>(joined<threads>(largest, [](float a, float b) { return fmaxf(a, b); }));
    }
    const float inverse = __frcp_rn(scale);
    row.each([&](int i, Index at) { store_codes<C>(row.packs[i].floats(), scale, inverse, out + at); });
    if (is_there && threadIdx.x % threads == 0) scales.taken[index] = scale;
}

template <class C, class T, int pack, int threads, int count>
__global__ void __launch_bounds__(block_of<threads>)
    round_rows(const T *x, Index rows, Index width, Scales scales, uint8_t *codes) {
    const Index index = row_index<threads>();
    const HeldRow<T, pack, threads, count> row(x + int64_t{index} * width, index < rows ? width : 0);
    round_row<C>(row, index, index < rows, width, scales, codes);
}

template <class T, class V, int threads, int count>
__global__ void round_modulated(const T *x, Index rows, Index width, Vectors scale, Vectors shift, float epsilon, Scales scales,
                                uint8_t *codes) {
    const Index index = row_index<threads>();
    const HeldRow<T, quad, threads, count> row(
        modulated<V, threads, count>(x + int64_t{index} * width, index, index < rows ? width : 0, scale, shift, epsilon));
    round_row<E4M3>(row, index, index < rows, width, scales, codes);
}

// The same of a row that a block of threads holds.
template <class T, class V, int pack, int threads, int count>
__global__ void __launch_bounds__(threads)
    round_held_modulated(const T *x, Index width, Vectors scale, Vectors shift, float epsilon, Scales scales, uint8_t *codes) {
    const Index index = blockIdx.x;
    HeldRow<T, pack, threads, count> row(x + int64_t{index} * width, width);
    modulate<V>(row, index, scale, shift, epsilon);
    round_row<E4M3>(row, index, true, width, scales, codes);
}

template <class T> __device__ const T *row_of(const Rows &rows, Index batch, Index token) {
    return static_cast<const T *>(rows.start) + batch * rows.batch_stride + token * rows.token_stride;
}

// A row of `beside`, and behind it one of x.
template <class T, int pack, int threads, int count>
__device__ HeldRow<T, pack, threads, count> row_behind(const Rows &beside, const Rows &x, Index batch, Index token,
                                                       bool is_there) {
    const Index before = beside.width, width = before + x.width;
    const T *front = row_of<T>(beside, batch, token), *own = row_of<T>(x, batch, token) - before;
    return {is_there ? width : 0, [&](Index at) { return (at < before ? front : own) + at; }};
}

// By its approximation with tanh: 1 + tanh(u) is 2 / (1 + e^-2u).
__device__ float gelu(float x) { return gated(x, x * (-2.302208198f - 0.1029432396f * x * x)); }

template <class T, int pack, int threads, int count>
__global__ void __launch_bounds__(block_of<threads>, (together<T, pack, block_of<threads>, count>))
    round_gelu(Rows beside, Rows x, Index tokens, Index rows, Scales scales, uint8_t *codes) {
    const Index index = row_index<threads>();
    auto row = row_behind<T, pack, threads, count>(beside, x, index / tokens, index % tokens, index < rows);
    row.change(beside.width, [](Numbers<pack> &numbers, Index) {
        for (float &number : numbers.values) number = gelu(number);
    });
    round_row<E4M3>(row, index, index < rows, beside.width + x.width, scales, codes);
}

template <class T, int pack, int threads, int count>
__global__ void __launch_bounds__(block_of<threads>, (together<T, pack, block_of<threads>, count>))
    round_swiglu(Rows beside, Rows gate, Rows x, Index tokens, Index rows, Scales scales, uint8_t *codes) {
    const Index index = row_index<threads>(), batch = index / tokens, token = index % tokens;
    auto row = row_behind<T, pack, threads, count>(beside, x, batch, token, index < rows);
    const T *gates = row_of<T>(gate, batch, token);
    row.change(beside.width, [&](Numbers<pack> &numbers, Index at) {
        const auto factors = load<pack>(gates + at);
        for (int i = 0; i < pack; ++i) numbers.values[i] *= silu(factors.values[i]);
    });
    round_row<E4M3>(row, index, index < rows, beside.width + x.width, scales, codes);
}

// A thread's numbers in rows of whole blocks, which have their scales from them alone: 8 threads side by side take a block. The
// grid has tokens along x, pieces of a row along y and a batch along z, so that nothing is divided.
struct Place {
    Index batch, token, row, at, width;

    __device__ explicit Place(Index width)
        : batch(blockIdx.z), token(blockIdx.x), row(batch * gridDim.x + token),
          at((blockIdx.y * blockDim.x + threadIdx.x) * group), width(width) {}
    __device__ bool is_there() const { return at < width; }
};

template <class T>
__device__ void round_block(const Stored<T, group> &pack, const Place &place, const Scales &scales, uint8_t *codes) {
    const float scale = scale_of<E4M3>(largest_of_lanes<ct::numbers_of_block / group>(largest_of(pack)));
    if (!place.is_there()) return;
    store_codes<E4M3>(pack.floats(), scale, __frcp_rn(scale), codes + int64_t{place.row} * place.width + place.at);
    if (place.at % ct::numbers_of_block == 0) scales.taken[place.at / ct::numbers_of_block * scales.stride + place.row] = scale;
}

template <class T>
__global__ void __launch_bounds__(most_threads_of_piece) round_blocks(const T *x, Index width, Scales scales, uint8_t *codes) {
    const Place place(width);
    Stored<T, group> pack = {};
    if (place.is_there()) pack = load_pack<group>(x + int64_t{place.row} * width + place.at);
    round_block(pack, place, scales, codes);
}

// What lies at a place of `beside` and, behind it, x.
template <class T> __device__ const T *numbers_behind(const Rows &beside, const Rows &x, const Place &place) {
    const Index before = beside.width;
    return place.at < before ? row_of<T>(beside, place.batch, place.token) + place.at
                             : row_of<T>(x, place.batch, place.token) + (place.at - before);
}

template <class T>
__global__ void __launch_bounds__(most_threads_of_piece) round_gelu_blocks(Rows beside, Rows x, Scales scales, uint8_t *codes) {
    const Index before = beside.width;
    const Place place(before + x.width);
    Stored<T, group> pack = {};
    if (place.is_there()) pack = load_pack<group>(numbers_behind<T>(beside, x, place));
    if (place.at >= before) {
        auto numbers = pack.floats();
        for (float &number : numbers.values) number = gelu(number);
        pack = stored<T>(numbers);
    }
    round_block(pack, place, scales, codes);
}

template <class T>
__global__ void __launch_bounds__(most_threads_of_piece)
    round_swiglu_blocks(Rows beside, Rows gate, Rows x, Scales scales, uint8_t *codes) {
    const Index before = beside.width;
    const Place place(before + x.width);
    Stored<T, group> pack = {};
    if (place.is_there()) {
        pack = load_pack<group>(numbers_behind<T>(beside, x, place));
        if (place.at >= before) {
            auto numbers = pack.floats();
            const auto factors = load<group>(row_of<T>(gate, place.batch, place.token) + (place.at - before));
            for (int i = 0; i < group; ++i) numbers.values[i] *= silu(factors.values[i]);
            pack = stored<T>(numbers);
        }
    }
    round_block(pack, place, scales, codes);
}

// The nearest of 0, 0.5, 1, 1.5, 2, 3, 4 and 6, ties to the even code.
__device__ float nearest_e2m1(float x) {
    const float size = fabsf(x);
    const float steps = (size > 0.25f) + (size >= 0.75f) + (size > 1.25f) + (size >= 1.75f);
    return copysignf(0.5f * steps + (size > 2.5f) + (size >= 3.5f) + 2 * (size > 5), x);
}

template <class T>
__global__ void round_e2m1(const T *x, int64_t groups, Index groups_of_row, const float *items, Index rows_of_item, float number,
                           T *result) {
    const int64_t index = int64_t{blockIdx.x} * block + threadIdx.x;
    if (index >= groups) return;
    const float scale = items ? items[static_cast<Index>(index / groups_of_row) / rows_of_item] : number;
    Numbers<quad> quads[group / quad];
    float largest = 0;
    for (int i = 0; i < group / quad; ++i) {
        quads[i] = load<quad>(x + index * group + i * quad);
        for (float value : quads[i].values) largest = fmaxf(largest, fabsf(value));
    }
    const float ratio = largest / (largest_e2m1 * scale);
    float own = E4M3::number(__nv_cvt_float_to_fp8(ratio, __NV_SATFINITE, __NV_E4M3)) * scale;
    if (own < 1e-5f) own = 1;
    const float inverse = __frcp_rn(own);
    for (int i = 0; i < group / quad; ++i) {
        for (float &value : quads[i].values) value = nearest_e2m1(quotient(value, own, inverse)) * own;
        store(quads[i], result + index * group + i * quad);
    }
}

// Writes the numbers that `made` makes, 16 bytes at once.
template <class Make, class T> __device__ void store_group(Make made, T *at) {
    constexpr int pack = longest_pack<T>;
    for (int i = 0; i < group / pack; ++i) {
        Numbers<pack> numbers;
        for (int j = 0; j < pack; ++j) numbers.values[j] = made(i * pack + j);
        store(numbers, at + i * pack);
    }
}

template <class C, class T>
__global__ void widen(const uint8_t *codes, int64_t groups, Index groups_of_row, ct::BlockScales scales, T *result) {
    const int64_t index = int64_t{blockIdx.x} * block + threadIdx.x;
    if (index >= groups) return;
    const Index row = index / groups_of_row, column = index % groups_of_row * group;
    const float scale = scales.start[row / static_cast<Index>(scales.rows) * scales.row_stride +
                                     column / static_cast<Index>(scales.columns) * scales.column_stride];
    const uint4 packed = reinterpret_cast<const uint4 *>(codes)[index];
    const uint32_t words[] = {packed.x, packed.y, packed.z, packed.w};
    store_group([&](int i) { return C::number(words[i / 4] >> 8 * (i % 4) & 0xff) * scale; }, result + index * group);
}

__device__ float e2m1(uint32_t code) {
    // A sign, two bits of exponent with a bias of 1, and one of mantissa; without exponent it counts halves.
    const uint32_t rest = code & 7;
    const float size = rest < 2 ? 0.5f * rest : __uint_as_float((rest << 22) + (126u << 23));
    return code & 8 ? -size : size;
}

template <class T>
__global__ void widen_e2m1(const uint8_t *codes, const uint8_t *scales, float scale, int64_t groups, T *result) {
    const int64_t index = int64_t{blockIdx.x} * block + threadIdx.x;
    if (index >= groups) return;
    const float factor = E4M3::number(scales[index]) * scale;
    const uint2 packed = reinterpret_cast<const uint2 *>(codes)[index];
    const uint32_t words[] = {packed.x, packed.y};
    store_group([&](int i) { return e2m1(words[i / 8] >> 4 * (i % 8) & 15) * factor; }, result + index * group);
}

template <class T>
__global__ void scale_sums(const int32_t *sums, const float *row_scales, const float *column_scales, const T *bias, Index rows,
                           Index quads_of_row, T *result) {
    const Index index = blockIdx.x * block + threadIdx.x, row = index / quads_of_row, at = index % quads_of_row * quad;
    if (row >= rows) return;
    const int4 four = reinterpret_cast<const int4 *>(sums)[index];
    const int values[] = {four.x, four.y, four.z, four.w};
    const auto scales = load<quad>(column_scales + at);
    Numbers<quad> numbers = {};
    if (bias) numbers = load<quad>(bias + at);
    for (int i = 0; i < quad; ++i) numbers.values[i] += values[i] * (row_scales[row] * scales.values[i]);
    store(numbers, result + int64_t{index} * quad);
}

template <class T> bool is_aligned(const Rows &x) {
    return x.width == 0 || (is_aligned(x.start, x.batch_stride * sizeof(T)) && is_aligned(x.start, x.token_stride * sizeof(T)));
}

// Whether blocks can be rounded each by itself: none is cut by an edge of a row or of what lies beside.
bool has_whole_blocks(const Scales &scales, int64_t batch, int64_t before, int64_t width) {
    return scales.kind == Scales::of_block && width % ct::numbers_of_block == 0 && before % group == 0 && batch <= most_along_z;
}

// Calls `body(grid, threads)` for rows of whole blocks: of the long pieces, those that leave the fewest threads idle.
template <class Body> void with_pieces(int64_t batch, int64_t tokens, int64_t width, Body body) {
    const int64_t threads_of_row = width / group;
    int64_t best = 2 * warp, least = threads_of_row + block;
    for (int64_t threads = most_threads_of_piece; threads >= 2 * warp; threads -= warp)
        if (const int64_t all = (threads_of_row + threads - 1) / threads * threads; all < least) best = threads, least = all;
    const auto pieces = static_cast<unsigned>((threads_of_row + best - 1) / best);
    body(dim3(static_cast<unsigned>(tokens), pieces, static_cast<unsigned>(batch)), static_cast<unsigned>(best));
}

unsigned blocks_of(int64_t threads) { return static_cast<unsigned>((threads + block - 1) / block); }

// As with_shape(), of rows that are twice as long.
template <class Body> void with_quads(int64_t packs, Body body) {
    if (packs > 16 * block) return body(Constant<quad>{}, Constant<block>{}, Constant<32>{});
    with_shape(packs, [&](auto threads, auto count) { body(Constant<quad>{}, threads, count); });
}

// Calls `body(numbers of a pack, threads of a row, packs of a thread)`, with packs of 16 bytes where a long row of numbers of 16
// bits allows it.
template <class T, class Body> void with_packs(int64_t width, bool is_aligned, Body body) {
    if constexpr (sizeof(T) == 2) {
        constexpr auto pack = Constant<longest_pack<T>>{};
        const int64_t packs = width / pack.get;
        if (is_aligned && width % pack.get == 0 && width > shortest_long_row) {
            const auto half = Constant<block / 2>{};
            if (packs <= 1 * half.get) return body(pack, half, Constant<1>{});
            if (packs <= 2 * half.get) return body(pack, half, Constant<2>{});
            if (packs <= 3 * half.get) return body(pack, half, Constant<3>{});
            if (packs <= 4 * half.get) return body(pack, half, Constant<4>{});
            const auto whole = Constant<threads_of_long_row>{};
            constexpr int part = 2 * block / whole.get;
            if (packs <= 2 * part * whole.get) return body(pack, whole, Constant<2 * part>{});
            if (packs <= 3 * part * whole.get) return body(pack, whole, Constant<3 * part>{});
            if (packs <= 4 * part * whole.get) return body(pack, whole, Constant<4 * part>{});
            return body(pack, whole, Constant<8 * part>{});
        }
    }
    with_quads(width / quad, body);
}

template <class Body> void with_code(Code code, Body body) { code == Code::e4m3 ? body(E4M3{}) : body(Int8{}); }

}  // namespace

cudaError_t ct::round_rows(const void *x, Number type, int64_t rows, int64_t width, Code code, Scales scales, void *codes,
                           cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        const bool aligned = is_aligned(x, width * sizeof(T));
        const auto *in = static_cast<const T *>(x);
        auto *out = static_cast<uint8_t *>(codes);
        if (code == Code::e4m3 && aligned && has_whole_blocks(scales, 1, 0, width))
            return with_pieces(1, rows, width, [&](dim3 grid, unsigned threads) {
                round_blocks<T><<<grid, threads, 0, stream>>>(in, width, scales, out);
            });
        with_code(code, [&](auto kind) {
            with_packs<T>(width, aligned, [&](auto pack, auto threads, auto count) {
                ::round_rows<decltype(kind), T, pack.get, threads.get, count.get>
                    <<<blocks_of_rows<threads.get>(rows), block_of<threads.get>, 0, stream>>>(in, rows, width, scales, out);
            });
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::round_gelu(Rows beside, Rows x, Number type, int64_t batch, int64_t tokens, Scales scales, void *codes,
                           cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        const int64_t rows = batch * tokens, width = beside.width + x.width;
        const bool aligned = is_aligned<T>(beside) && is_aligned<T>(x) && beside.width % longest_pack<T> == 0;
        auto *out = static_cast<uint8_t *>(codes);
        if (aligned && has_whole_blocks(scales, batch, beside.width, width))
            return with_pieces(batch, tokens, width, [&](dim3 grid, unsigned threads) {
                round_gelu_blocks<T><<<grid, threads, 0, stream>>>(beside, x, scales, out);
            });
        with_packs<T>(width, aligned, [&](auto pack, auto threads, auto count) {
            ::round_gelu<T, pack.get, threads.get, count.get>
                <<<blocks_of_rows<threads.get>(rows), block_of<threads.get>, 0, stream>>>(beside, x, tokens, rows, scales, out);
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::round_swiglu(Rows beside, Rows gate, Rows x, Number type, int64_t batch, int64_t tokens, Scales scales,
                             void *codes, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        const int64_t rows = batch * tokens, width = beside.width + x.width;
        const bool aligned =
            is_aligned<T>(beside) && is_aligned<T>(gate) && is_aligned<T>(x) && beside.width % longest_pack<T> == 0;
        auto *out = static_cast<uint8_t *>(codes);
        if (aligned && has_whole_blocks(scales, batch, beside.width, width))
            return with_pieces(batch, tokens, width, [&](dim3 grid, unsigned threads) {
                round_swiglu_blocks<T><<<grid, threads, 0, stream>>>(beside, gate, x, scales, out);
            });
        with_packs<T>(width, aligned, [&](auto pack, auto threads, auto count) {
            ::round_swiglu<T, pack.get, threads.get, count.get>
                <<<blocks_of_rows<threads.get>(rows), block_of<threads.get>, 0, stream>>>(beside, gate, x, tokens, rows,
                                                                                        scales, out);
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::round_modulated(const void *x, Number type, int64_t rows, int64_t width, Vectors scale, Vectors shift,
                                float epsilon, Scales scales, void *codes, cudaStream_t stream) {
    with_types(type, scale.type, [&](auto number, auto vector) {
        using T = decltype(number);
        using V = decltype(vector);
        const auto *in = static_cast<const T *>(x);
        auto *out = static_cast<uint8_t *>(codes);
        if constexpr (sizeof(T) == 2) {
            constexpr int pack = longest_pack<V>;
            if (are_held(in, width) && width % pack == 0 && is_aligned<V>(scale) && is_aligned<V>(shift))
                return with_held_shape<pack>(width, [&](auto threads, auto count) {
                    round_held_modulated<T, V, pack, threads.get, count.get>
                        <<<static_cast<unsigned>(rows), threads.get, 0, stream>>>(in, width, scale, shift, epsilon, scales, out);
                });
        }
        with_shape(width / quad, [&](auto threads, auto count) {
            ::round_modulated<T, V, threads.get, count.get><<<blocks(rows, threads.get), block, 0, stream>>>(
                in, rows, width, scale, shift, epsilon, scales, out);
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::round_e2m1(const void *x, Number type, int64_t rows, int64_t width, const float *items, int64_t rows_of_item,
                           float number, void *result, cudaStream_t stream) {
    with_type(type, [&](auto kind) {
        using T = decltype(kind);
        const int64_t groups = rows * (width / group);
        ::round_e2m1<T><<<blocks_of(groups), block, 0, stream>>>(static_cast<const T *>(x), groups, width / group, items,
                                                                 rows_of_item, number, static_cast<T *>(result));
    });
    return cudaGetLastError();
}

cudaError_t ct::widen(const void *codes, Code code, int64_t rows, int64_t width, BlockScales scales, void *result, Number type,
                      cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        with_code(code, [&](auto kind) {
            const int64_t groups = rows * (width / group);
            ::widen<decltype(kind), T><<<blocks_of(groups), block, 0, stream>>>(
                static_cast<const uint8_t *>(codes), groups, width / group, scales, static_cast<T *>(result));
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::widen_e2m1(const void *codes, const void *scales, float scale, int64_t rows, int64_t width, void *result,
                           Number type, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        const int64_t groups = rows * (width / group);
        ::widen_e2m1<T><<<blocks_of(groups), block, 0, stream>>>(static_cast<const uint8_t *>(codes),
                                                                 static_cast<const uint8_t *>(scales), scale, groups,
                                                                 static_cast<T *>(result));
    });
    return cudaGetLastError();
}

cudaError_t ct::scale_sums(const int32_t *sums, const float *row_scales, const float *column_scales, const void *bias,
                           int64_t rows, int64_t width, void *result, Number type, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        ::scale_sums<T><<<blocks_of(rows * (width / quad)), block, 0, stream>>>(
            sums, row_scales, column_scales, static_cast<const T *>(bias), rows, width / quad, static_cast<T *>(result));
    });
    return cudaGetLastError();
}
