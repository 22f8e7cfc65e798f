// Rows on the card: a warp or a block of threads takes a row, each thread some quads of its numbers, in float32.
#include "rows.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace {

using ct::Heads;
using ct::Number;
using ct::Vectors;

constexpr int warp = 32, block = 256;

// Numbers of rows and places in a row: divisions by 64-bit numbers are slow on a card.
using Index = uint32_t;

// Four numbers in a row, which are read and written at once.
struct Quad {
    float values[4];
};

template <class T> struct alignas(8) Aligned {
    T first, second;
};

__device__ Quad load(const float *at) {
    const float4 quad = *reinterpret_cast<const float4 *>(at);
    return {quad.x, quad.y, quad.z, quad.w};
}
__device__ Quad joined(float2 a, float2 b) { return {a.x, a.y, b.x, b.y}; }
__device__ Quad load(const __half *at) {
    const auto quad = *reinterpret_cast<const Aligned<__half2> *>(at);
    return joined(__half22float2(quad.first), __half22float2(quad.second));
}
__device__ Quad load(const __nv_bfloat16 *at) {
    const auto quad = *reinterpret_cast<const Aligned<__nv_bfloat162> *>(at);
    return joined(__bfloat1622float2(quad.first), __bfloat1622float2(quad.second));
}

__device__ void store(const Quad &quad, float *at) {
    const float *v = quad.values;
    *reinterpret_cast<float4 *>(at) = {v[0], v[1], v[2], v[3]};
}
__device__ void store(const Quad &quad, __half *at) {
    const float *v = quad.values;
    *reinterpret_cast<Aligned<__half2> *>(at) = {__floats2half2_rn(v[0], v[1]), __floats2half2_rn(v[2], v[3])};
}
__device__ void store(const Quad &quad, __nv_bfloat16 *at) {
    const float *v = quad.values;
    *reinterpret_cast<Aligned<__nv_bfloat162> *>(at) = {__floats2bfloat162_rn(v[0], v[1]), __floats2bfloat162_rn(v[2], v[3])};
}

// The sum over the threads of a row.
template <int threads> __device__ float total(float value) {
    for (int offset = warp / 2; offset; offset /= 2) value += __shfl_xor_sync(~0u, value, offset);
    if constexpr (threads > warp) {
        __shared__ float partial[threads / warp];
        __syncthreads();  // the sums of the time before have been read
        if (threadIdx.x % warp == 0) partial[threadIdx.x / warp] = value;
        __syncthreads();
        value = 0;
        for (int i = 0; i < threads / warp; ++i) value += partial[i];
    }
    return value;
}

// The quads of one row that a thread holds: every `threads`-th, `count` of them at most.
template <class T, int threads, int count> struct Row {
    Index width, first;
    Quad quads[count];

    __device__ Row(const T *row, Index width) : width(width), first(4 * (threadIdx.x % threads)) {
        each([&](int i, Index at) { quads[i] = load(row + at); });
    }

    // Calls `body(number of the quad, where it begins)`.
    template <class Body> __device__ void each(Body body) {
#pragma unroll
        for (int i = 0; i < count; ++i)
            if (const Index at = first + i * 4 * threads; at < width) body(i, at);
    }

    // The sum of what `function` gives for each number.
    template <class Function> __device__ float sum(Function function) {
        float result = 0;
        each([&](int i, Index) {
            for (float number : quads[i].values) result += function(number);
        });
        return total<threads>(result);
    }

    __device__ float inverse_root_mean_square(float epsilon) {
        return rsqrtf(sum([](float x) { return x * x; }) / width + epsilon);
    }
};

// The row that the calling thread works on.
template <int threads> __device__ Index row_index() {
    return blockIdx.x * (block / threads) + threadIdx.x / threads;
}

// Two pairs of numbers, turned by two angles in a row.
__device__ Quad turned(const Quad &quad, const float *cosine, const float *sine) {
    const float *v = quad.values;
    const float2 c = *reinterpret_cast<const float2 *>(cosine), s = *reinterpret_cast<const float2 *>(sine);
    return {v[0] * c.x - v[1] * s.x, v[0] * s.x + v[1] * c.x, v[2] * c.y - v[3] * s.y, v[2] * s.y + v[3] * c.y};
}

__device__ Quad scaled(Quad quad, float factor, const Quad &weight) {
    for (int j = 0; j < 4; ++j) quad.values[j] *= factor * weight.values[j];
    return quad;
}

template <class V> __device__ const V *vector(const Vectors &vectors, Index row) {
    return static_cast<const V *>(vectors.start) + row / static_cast<Index>(vectors.rows) * vectors.stride;
}

template <class T, class V, class R, int threads, int count>
__global__ void modulated_layer_norm(const T *x, Index rows, int64_t width, Vectors scale, Vectors shift, float epsilon,
                                     R *result) {
    const Index index = row_index<threads>();
    if (index >= rows) return;
    Row<T, threads, count> row(x + index * width, width);
    const float mean = row.sum([](float number) { return number; }) / width;
    const float variance = row.sum([&](float number) { return (number - mean) * (number - mean); }) / width;
    const float factor = rsqrtf(variance + epsilon);
    const V *scales = vector<V>(scale, index), *shifts = vector<V>(shift, index);
    row.each([&](int i, Index at) {
        Quad quad = row.quads[i];
        const Quad a = load(scales + at), b = load(shifts + at);
        for (int j = 0; j < 4; ++j) quad.values[j] = (quad.values[j] - mean) * factor * (1 + a.values[j]) + b.values[j];
        store(quad, result + index * width + at);
    });
}

template <class T, class V, class U, int threads, int count>
__global__ void gated_add(const T *residual, Vectors gate, const U *x, Index rows, int64_t width, T *result) {
    const Index index = row_index<threads>();
    if (index >= rows) return;
    Row<U, threads, count> row(x + index * width, width);
    const V *gates = vector<V>(gate, index);
    row.each([&](int i, Index at) {
        Quad sum = load(residual + index * width + at);
        const Quad factor = load(gates + at);
        for (int j = 0; j < 4; ++j) sum.values[j] += factor.values[j] * row.quads[i].values[j];
        store(sum, result + index * width + at);
    });
}

template <class T, int threads, int count>
__global__ void rms_norm_rotary(Heads x, Index rows, const T *weight, const float *cosine, const float *sine,
                                float epsilon, T *result) {
    const Index index = row_index<threads>();
    if (index >= rows) return;
    const Index heads = x.heads, tokens = x.tokens;
    const Index head = index % heads, token = index / heads % tokens, batch = index / heads / tokens;
    const T *in = static_cast<const T *>(x.start) + batch * x.batch_stride + token * x.token_stride + head * x.head_stride;
    Row<T, threads, count> row(in, x.width);
    const float factor = row.inverse_root_mean_square(epsilon);
    row.each([&](int i, Index at) {
        const int64_t angle = (token * x.width + at) / 2;
        store(turned(scaled(row.quads[i], factor, load(weight + at)), cosine + angle, sine + angle),
              result + index * x.width + at);
    });
}

template <class T, int threads, int count>
__global__ void joint_rms_norm_rotary(const T *x, Index rows, int64_t width, Index tokens, Index head_width,
                                      const T *weight, const float *cosine, const float *sine, float epsilon, T *result) {
    const Index index = row_index<threads>();
    if (index >= rows) return;
    Row<T, threads, count> row(x + index * width, width);
    const float factor = row.inverse_root_mean_square(epsilon);
    row.each([&](int i, Index at) {
        const int64_t angle = (int64_t{index % tokens} * head_width + at % head_width) / 2;
        store(turned(scaled(row.quads[i], factor, load(weight + at)), cosine + angle, sine + angle),
              result + index * width + at);
    });
}

template <class T, int threads, int count>
__global__ void rms_norm_silu(const T *x, Index rows, int64_t width, const T *weight, float epsilon, T *result) {
    const Index index = row_index<threads>();
    if (index >= rows) return;
    Row<T, threads, count> row(x + index * width, width);
    const float factor = row.inverse_root_mean_square(epsilon);
    row.each([&](int i, Index at) {
        Quad quad = scaled(row.quads[i], factor, load(weight + at));
        for (float &number : quad.values) number /= 1 + __expf(-number);
        store(quad, result + index * width + at);
    });
}

template <class Body> void with_type(Number type, Body body) {
    switch (type) {
    case Number::float32: return body(float{});
    case Number::float16: return body(__half{});
    case Number::bfloat16: return body(__nv_bfloat16{});
    }
}

// Calls `body(a, b)` with a number of each type; the second is the first or float32.
template <class Body> void with_types(Number first, Number second, Body body) {
    with_type(first, [&](auto a) { first == second ? body(a, a) : body(a, float{}); });
}

template <int value> struct Constant {
    static constexpr int get = value;
};

// Calls `body(threads of a row, quads of a thread)` with constants that a row fits.
template <class Body> void with_shape(int64_t width, Body body) {
    const int64_t quads = width / 4;
    if (quads <= warp) return body(Constant<warp>{}, Constant<1>{});
    if (quads <= 4 * warp) return body(Constant<warp>{}, Constant<4>{});
    if (quads <= 2 * block) return body(Constant<block>{}, Constant<2>{});
    if (quads <= 4 * block) return body(Constant<block>{}, Constant<4>{});
    if (quads <= 8 * block) return body(Constant<block>{}, Constant<8>{});
    body(Constant<block>{}, Constant<16>{});
}

unsigned blocks(int64_t rows, int threads) {
    const int64_t rows_of_a_block = block / threads;
    return static_cast<unsigned>((rows + rows_of_a_block - 1) / rows_of_a_block);
}

}  // namespace

cudaError_t ct::modulated_layer_norm(const void *x, Number type, int64_t rows, int64_t width, Vectors scale, Vectors shift,
                                     float epsilon, void *result, Number result_type, cudaStream_t stream) {
    with_types(result_type, type, [&](auto result_number, auto number) {
        using T = decltype(number);
        using R = decltype(result_number);
        with_types(type, scale.type, [&](auto, auto vector) {
            with_shape(width, [&](auto threads, auto count) {
                ::modulated_layer_norm<T, decltype(vector), R, threads.get, count.get>
                    <<<blocks(rows, threads.get), block, 0, stream>>>(static_cast<const T *>(x), rows, width, scale, shift,
                                                                      epsilon, static_cast<R *>(result));
            });
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::gated_add(const void *residual, Number type, Vectors gate, const void *x, Number x_type, int64_t rows,
                          int64_t width, void *result, cudaStream_t stream) {
    with_types(x_type, type, [&](auto x_number, auto number) {
        using U = decltype(x_number);
        using T = decltype(number);
        with_types(type, gate.type, [&](auto, auto vector) {
            with_shape(width, [&](auto threads, auto count) {
                ::gated_add<T, decltype(vector), U, threads.get, count.get>
                    <<<blocks(rows, threads.get), block, 0, stream>>>(static_cast<const T *>(residual), gate,
                                                                      static_cast<const U *>(x), rows, width,
                                                                      static_cast<T *>(result));
            });
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::rms_norm_rotary(Heads x, Number type, int64_t rows, const void *weight, const float *cosine,
                                const float *sine, float epsilon, void *result, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        with_shape(x.width, [&](auto threads, auto count) {
            using T = decltype(number);
            ::rms_norm_rotary<T, threads.get, count.get><<<blocks(rows, threads.get), block, 0, stream>>>(
                x, rows, static_cast<const T *>(weight), cosine, sine, epsilon, static_cast<T *>(result));
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::joint_rms_norm_rotary(const void *x, Number type, int64_t rows, int64_t width, int64_t tokens,
                                      int64_t head_width, const void *weight, const float *cosine, const float *sine,
                                      float epsilon, void *result, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        with_shape(width, [&](auto threads, auto count) {
            using T = decltype(number);
            ::joint_rms_norm_rotary<T, threads.get, count.get><<<blocks(rows, threads.get), block, 0, stream>>>(
                static_cast<const T *>(x), rows, width, tokens, head_width, static_cast<const T *>(weight), cosine, sine,
                epsilon, static_cast<T *>(result));
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::rms_norm_silu(const void *x, Number type, int64_t rows, int64_t width, const void *weight, float epsilon,
                              void *result, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        with_shape(width, [&](auto threads, auto count) {
            using T = decltype(number);
            ::rms_norm_silu<T, threads.get, count.get><<<blocks(rows, threads.get), block, 0, stream>>>(
                static_cast<const T *>(x), rows, width, static_cast<const T *>(weight), epsilon, static_cast<T *>(result));
        });
    });
    return cudaGetLastError();
}
