// Floats rounded to 8 and 4 bits, and back.
//
// Quotients are rounded as a division rounds them: many numbers of 16 bits lie in the middle between two of 8.
#include "few_bits.h"

#include "row.cuh"

#include <cuda_fp8.h>

namespace {

using ct::Code;
using ct::Rows;
using ct::Scales;
using ct::Vectors;

constexpr float largest_e2m1 = 6, largest_e4m3 = 448;
// Numbers that share a scale of E2M1, and that a thread takes at once of what is widened.
constexpr int group = 16;

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

__device__ float largest_of(const Numbers<quad> &x) {
    return fmaxf(fmaxf(fabsf(x.values[0]), fabsf(x.values[1])), fmaxf(fabsf(x.values[2]), fabsf(x.values[3])));
}

// The largest of `lanes` threads side by side.
template <int lanes> __device__ float largest_of_lanes(float value) {
    for (int offset = lanes / 2; offset; offset /= 2) value = fmaxf(value, __shfl_xor_sync(~0u, value, offset));
    return value;
}

template <class C> __device__ float scale_of(float largest) {
    return largest == 0 ? 1 : quotient(largest, C::largest, 1 / C::largest);
}

template <class C> __device__ void store_codes(Numbers<quad> x, float scale, float inverse, uint8_t *at) {
    for (float &number : x.values) number = quotient(number, scale, inverse);
    *reinterpret_cast<uint32_t *>(at) = C::codes(x);
}

// A row in the type that its tokens have, as a pass of its own would leave it: in registers that is half of what floats take.
template <class T, int threads, int count> struct HeldRow {
    Index width, first;
    Stored<T, quad> packs[count];

    // `numbers(where a pack begins)` loads it. All are asked for before the first is there.
    template <class Load> __device__ HeldRow(Index width, Load numbers) : width(width), first(quad * (threadIdx.x % threads)) {
        each([&](int i, Index at) { packs[i] = load_pack<quad>(numbers(at)); });
    }
    __device__ HeldRow(const T *row, Index width) : HeldRow(width, [&](Index at) { return row + at; }) {}
    __device__ HeldRow(const Row<quad, threads, count> &row) : width(row.width), first(row.first) {
        each([&](int i, Index) { packs[i] = stored<T>(row.packs[i]); });
    }

    template <class Body> __device__ void each(Body body) {
#pragma unroll
        for (int i = 0; i < count; ++i)
            if (const Index at = first + i * quad * threads; at < width) body(i, at);
    }

    // From here on the compiler knows only the numbers as they are held: floats that it made of them before would fill registers.
    __device__ void settle() {
        each([&](int i, Index) {
            for (int j = 0; j < static_cast<int>(sizeof packs[i] / 4); ++j)
                asm volatile("" : "+r"(reinterpret_cast<uint32_t *>(&packs[i])[j]));
        });
    }

    // Changes the numbers from one on: `change(numbers, where they begin behind it)`.
    template <class Change> __device__ void change(Index from, Change change) {
        each([&](int i, Index at) {
            if (at < from) return;
            auto numbers = packs[i].floats();
            change(numbers, at - from);
            packs[i] = stored<T>(numbers);
        });
        settle();
    }
};

// Blocks that a multiprocessor should have at once: with fewer, what one loads does not come while another computes.
template <class T, int count> constexpr int together = count * quad * sizeof(T) <= 128 ? 4 : count * quad * sizeof(T) <= 256 ? 2 : 1;

// Writes a row's codes and scales.
template <class C, bool settles, class T, int threads, int count>
__device__ void round_row(HeldRow<T, threads, count> row, Index index, bool is_there, Index width, const Scales &scales,
                          uint8_t *codes) {
    uint8_t *out = codes + int64_t{index} * width;
    if (scales.kind == Scales::of_block) {
        // The packs of a warp, or of the half of one that a short row has, are those of a block.
        constexpr int lanes = threads < warp ? threads : warp;
#pragma unroll
        for (int i = 0; i < count; ++i) {
            const Index at = row.first + i * quad * threads;
            const bool is_inside = at < row.width;
            const auto numbers = row.packs[i].floats();
            const float scale = scale_of<C>(largest_of_lanes<lanes>(is_inside ? largest_of(numbers) : 0));
            if (!is_inside) continue;
            store_codes<C>(numbers, scale, __frcp_rn(scale), out + at);
            if (threadIdx.x % lanes == 0) scales.taken[at / ct::numbers_of_block * scales.stride + index] = scale;
        }
        return;
    }
    float scale = scales.number;
    if (scales.kind == Scales::of_item) scale = is_there ? scales.items[index / static_cast<Index>(scales.rows_of_item)] : 1;
    if (scales.kind == Scales::of_row) {
        float largest = 0;
        row.each([&](int i, Index) { largest = fmaxf(largest, largest_of(row.packs[i].floats())); });
        scale = scale_of<C>(joined<threads>(largest, [](float a, float b) { return fmaxf(a, b); }));
        if (settles) row.settle();
    }
    const float inverse = __frcp_rn(scale);
    row.each([&](int i, Index at) { store_codes<C>(row.packs[i].floats(), scale, inverse, out + at); });
    if (is_there && threadIdx.x % threads == 0) scales.taken[index] = scale;
}

template <class C, class T, int threads, int count>
__global__ void round_rows(const T *x, Index rows, Index width, Scales scales, uint8_t *codes) {
    const Index index = row_index<threads>();
    const HeldRow<T, threads, count> row(x + int64_t{index} * width, index < rows ? width : 0);
    round_row<C, false>(row, index, index < rows, width, scales, codes);
}

template <class T, class V, int threads, int count>
__global__ void round_modulated(const T *x, Index rows, Index width, Vectors scale, Vectors shift, float epsilon, Scales scales,
                                uint8_t *codes) {
    const Index index = row_index<threads>();
    const HeldRow<T, threads, count> row(
        modulated<V, threads, count>(x + int64_t{index} * width, index, index < rows ? width : 0, scale, shift, epsilon));
    round_row<E4M3, false>(row, index, index < rows, width, scales, codes);
}

template <class T> __device__ const T *row_of(const Rows &rows, Index batch, Index token) {
    return static_cast<const T *>(rows.start) + batch * rows.batch_stride + token * rows.token_stride;
}

// A row of `beside`, and behind it one of x.
template <class T, int threads, int count>
__device__ HeldRow<T, threads, count> row_behind(const Rows &beside, const Rows &x, Index batch, Index token, bool is_there) {
    const T *front = row_of<T>(beside, batch, token), *own = row_of<T>(x, batch, token);
    const Index before = beside.width, width = before + x.width;
    return {is_there ? width : 0, [&](Index at) { return at < before ? front + at : own + (at - before); }};
}

// By its approximation with tanh: 1 + tanh(u) is 2 / (1 + e^-2u).
__device__ float gelu(float x) { return gated(x, x * (-2.302208198f - 0.1029432396f * x * x)); }

template <class T, int threads, int count>
__global__ void __launch_bounds__(block, together<T, count>) round_gelu(Rows beside, Rows x, Index tokens, Index rows, Scales scales, uint8_t *codes) {
    const Index index = row_index<threads>();
    auto row = row_behind<T, threads, count>(beside, x, index / tokens, index % tokens, index < rows);
    row.change(beside.width, [](Numbers<quad> &numbers, Index) {
        for (float &number : numbers.values) number = gelu(number);
    });
    round_row<E4M3, true>(row, index, index < rows, beside.width + x.width, scales, codes);
}

template <class T, int threads, int count>
__global__ void __launch_bounds__(block, together<T, count>) round_swiglu(Rows beside, Rows gate, Rows x, Index tokens, Index rows, Scales scales, uint8_t *codes) {
    const Index index = row_index<threads>(), batch = index / tokens, token = index % tokens;
    auto row = row_behind<T, threads, count>(beside, x, batch, token, index < rows);
    const T *gates = row_of<T>(gate, batch, token);
    row.change(beside.width, [&](Numbers<quad> &numbers, Index at) {
        const auto factors = load<quad>(gates + at);
        for (int i = 0; i < quad; ++i) numbers.values[i] *= silu(factors.values[i]);
    });
    round_row<E4M3, true>(row, index, index < rows, beside.width + x.width, scales, codes);
}

// Numbers of a block that have their scale from them alone: a thread takes 16 of them, and 8 threads side by side a block. `in` is
// where they begin, and `change(numbers, which of the 16)` is done before they are rounded.
template <class T, class Change>
__device__ void round_block(const T *in, Index row, Index at, bool is_there, Index width, const Scales &scales, uint8_t *codes,
                            Change change) {
    Numbers<quad> quads[group / quad] = {};
    float largest = 0;
    for (int i = 0; i < group / quad && is_there; ++i) {
        quads[i] = load<quad>(in + i * quad);
        change(quads[i], i * quad);
        quads[i] = stored<T>(quads[i]).floats();
        largest = fmaxf(largest, largest_of(quads[i]));
    }
    const float scale = scale_of<E4M3>(largest_of_lanes<ct::numbers_of_block / group>(largest)), inverse = __frcp_rn(scale);
    if (!is_there) return;
    uint32_t words[group / quad];
    for (int i = 0; i < group / quad; ++i) {
        for (float &number : quads[i].values) number = quotient(number, scale, inverse);
        words[i] = E4M3::codes(quads[i]);
    }
    *reinterpret_cast<uint4 *>(codes + int64_t{row} * width + at) = {words[0], words[1], words[2], words[3]};
    if (at % ct::numbers_of_block == 0) scales.taken[at / ct::numbers_of_block * scales.stride + row] = scale;
}

// Where a thread's numbers lie in rows of whole blocks.
struct Place {
    Index row, at;

    __device__ explicit Place(Index width) {
        const Index index = blockIdx.x * block + threadIdx.x, groups = width / group;
        row = index / groups, at = index % groups * group;
    }
};

template <class T> __global__ void round_blocks(const T *x, Index rows, Index width, Scales scales, uint8_t *codes) {
    const Place place(width);
    round_block(x + int64_t{place.row} * width + place.at, place.row, place.at, place.row < rows, width, scales, codes,
                [](Numbers<quad> &, int) {});
}

// What lies at a place of `beside` and, behind it, x.
template <class T> __device__ const T *number_behind(const Rows &beside, const Rows &x, Index tokens, Place place) {
    const Index batch = place.row / tokens, token = place.row % tokens, before = beside.width;
    return place.at < before ? row_of<T>(beside, batch, token) + place.at : row_of<T>(x, batch, token) + (place.at - before);
}

template <class T>
__global__ void round_gelu_blocks(Rows beside, Rows x, Index tokens, Index rows, Scales scales, uint8_t *codes) {
    const Index before = beside.width, width = before + x.width;
    const Place place(width);
    round_block(number_behind<T>(beside, x, tokens, place), place.row, place.at, place.row < rows, width, scales, codes,
                [&](Numbers<quad> &numbers, int) {
                    if (place.at < before) return;
                    for (float &number : numbers.values) number = gelu(number);
                });
}

template <class T>
__global__ void round_swiglu_blocks(Rows beside, Rows gate, Rows x, Index tokens, Index rows, Scales scales, uint8_t *codes) {
    const Index before = beside.width, width = before + x.width;
    const Place place(width);
    const T *gates = row_of<T>(gate, place.row / tokens, place.row % tokens) + (place.at - before);
    round_block(number_behind<T>(beside, x, tokens, place), place.row, place.at, place.row < rows, width, scales, codes,
                [&](Numbers<quad> &numbers, int first) {
                    if (place.at < before) return;
                    const auto factors = load<quad>(gates + first);
                    for (int i = 0; i < quad; ++i) numbers.values[i] *= silu(factors.values[i]);
                });
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
        largest = fmaxf(largest, largest_of(quads[i]));
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

// Whether blocks can be rounded each by itself: none is cut by an edge of a row or of what lies beside.
bool has_whole_blocks(const Scales &scales, int64_t before, int64_t width) {
    return scales.kind == Scales::of_block && width % ct::numbers_of_block == 0 && before % group == 0;
}

unsigned blocks_of(int64_t threads) { return static_cast<unsigned>((threads + block - 1) / block); }

// As with_shape(), of rows that are twice as long.
template <class Body> void with_long_shape(int64_t packs, Body body) {
    if (packs > 16 * block) return body(Constant<block>{}, Constant<32>{});
    with_shape(packs, body);
}

template <class Body> void with_code(Code code, Body body) { code == Code::e4m3 ? body(E4M3{}) : body(Int8{}); }

}  // namespace

cudaError_t ct::round_rows(const void *x, Number type, int64_t rows, int64_t width, Code code, Scales scales, void *codes,
                           cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        if (code == Code::e4m3 && has_whole_blocks(scales, 0, width)) {
            round_blocks<T><<<blocks_of(rows * (width / group)), block, 0, stream>>>(static_cast<const T *>(x), rows, width, scales,
                                                                                  static_cast<uint8_t *>(codes));
            return;
        }
        with_code(code, [&](auto kind) {
            with_long_shape(width / quad, [&](auto threads, auto count) {
                ::round_rows<decltype(kind), T, threads.get, count.get><<<blocks(rows, threads.get), block, 0, stream>>>(
                    static_cast<const T *>(x), rows, width, scales, static_cast<uint8_t *>(codes));
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
        if (has_whole_blocks(scales, beside.width, width)) {
            round_gelu_blocks<T><<<blocks_of(rows * (width / group)), block, 0, stream>>>(beside, x, tokens, rows, scales,
                                                                                       static_cast<uint8_t *>(codes));
            return;
        }
        with_long_shape(width / quad, [&](auto threads, auto count) {
            ::round_gelu<T, threads.get, count.get><<<blocks(rows, threads.get), block, 0, stream>>>(
                beside, x, tokens, rows, scales, static_cast<uint8_t *>(codes));
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::round_swiglu(Rows beside, Rows gate, Rows x, Number type, int64_t batch, int64_t tokens, Scales scales,
                             void *codes, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        const int64_t rows = batch * tokens, width = beside.width + x.width;
        if (has_whole_blocks(scales, beside.width, width)) {
            round_swiglu_blocks<T><<<blocks_of(rows * (width / group)), block, 0, stream>>>(
                beside, gate, x, tokens, rows, scales, static_cast<uint8_t *>(codes));
            return;
        }
        with_long_shape(width / quad, [&](auto threads, auto count) {
            ::round_swiglu<T, threads.get, count.get><<<blocks(rows, threads.get), block, 0, stream>>>(
                beside, gate, x, tokens, rows, scales, static_cast<uint8_t *>(codes));
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::round_modulated(const void *x, Number type, int64_t rows, int64_t width, Vectors scale, Vectors shift,
                                float epsilon, Scales scales, void *codes, cudaStream_t stream) {
    with_types(type, scale.type, [&](auto number, auto vector) {
        using T = decltype(number);
        with_shape(width / quad, [&](auto threads, auto count) {
            ::round_modulated<T, decltype(vector), threads.get, count.get><<<blocks(rows, threads.get), block, 0, stream>>>(
                static_cast<const T *>(x), rows, width, scale, shift, epsilon, scales, static_cast<uint8_t *>(codes));
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
