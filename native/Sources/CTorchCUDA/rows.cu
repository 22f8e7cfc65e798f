// Rows on the card: a warp or a block of threads takes a row, each thread some pairs of its numbers, in float32.
#include "rows.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace {

using ct::Heads;
using ct::Number;
using ct::Vectors;

constexpr int warp = 32, block = 256;

template <class T> struct PairOf;
template <> struct PairOf<float> { using type = float2; };
template <> struct PairOf<__half> { using type = __half2; };
template <> struct PairOf<__nv_bfloat16> { using type = __nv_bfloat162; };
template <class T> using Pair = typename PairOf<T>::type;

__device__ float2 floats(float2 pair) { return pair; }
__device__ float2 floats(__half2 pair) { return __half22float2(pair); }
__device__ float2 floats(__nv_bfloat162 pair) { return __bfloat1622float2(pair); }

__device__ void store(float2 value, float2 &target) { target = value; }
__device__ void store(float2 value, __half2 &target) { target = __float22half2_rn(value); }
__device__ void store(float2 value, __nv_bfloat162 &target) { target = __float22bfloat162_rn(value); }

// One pair of a row.
template <class T> __device__ float2 pair(const T *row, int64_t index) {
    return floats(reinterpret_cast<const Pair<T> *>(row)[index]);
}
template <class T> __device__ void put(float2 value, T *row, int64_t index) {
    store(value, reinterpret_cast<Pair<T> *>(row)[index]);
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

// The pairs of one row that a thread holds: every `threads`-th, `count` of them at most.
template <class T, int threads, int count> struct Row {
    int64_t pairs;
    int first;
    float2 values[count];

    __device__ Row(const T *row, int64_t pairs) : pairs(pairs), first(threadIdx.x % threads) {
        each([&](int i, int64_t at) { values[i] = pair(row, at); });
    }

    template <class Body> __device__ void each(Body body) {
#pragma unroll
        for (int i = 0; i < count; ++i)
            if (const int64_t at = first + int64_t{i} * threads; at < pairs) body(i, at);
    }

    // The sum of what `number` gives for each number.
    template <class Function> __device__ float sum(Function number) {
        float result = 0;
        each([&](int i, int64_t) { result += number(values[i].x) + number(values[i].y); });
        return total<threads>(result);
    }

    __device__ float root_mean_square(float epsilon) {
        return rsqrtf(sum([](float x) { return x * x; }) / (2 * pairs) + epsilon);
    }
};

// The row that the calling thread works on.
template <int threads> __device__ int64_t row_index() {
    return (int64_t{blockIdx.x} * block + threadIdx.x) / threads;
}

__device__ float2 turn(float2 x, float cosine, float sine) {
    return {x.x * cosine - x.y * sine, x.x * sine + x.y * cosine};
}

template <class T, class V, int threads, int count>
__global__ void modulated_layer_norm(const T *x, int64_t rows, int64_t pairs, Vectors scale, Vectors shift, float epsilon,
                                     T *result) {
    const int64_t index = row_index<threads>();
    if (index >= rows) return;
    Row<T, threads, count> row(x + index * 2 * pairs, pairs);
    const float mean = row.sum([](float number) { return number; }) / (2 * pairs);
    const float variance = row.sum([&](float number) { return (number - mean) * (number - mean); }) / (2 * pairs);
    const float factor = rsqrtf(variance + epsilon);
    const V *scales = static_cast<const V *>(scale.start) + index / scale.rows * scale.stride;
    const V *shifts = static_cast<const V *>(shift.start) + index / shift.rows * shift.stride;
    T *out = result + index * 2 * pairs;
    row.each([&](int i, int64_t at) {
        const float2 a = pair(scales, at), b = pair(shifts, at);
        const float2 number = row.values[i];
        put(float2{(number.x - mean) * factor * (1 + a.x) + b.x, (number.y - mean) * factor * (1 + a.y) + b.y}, out, at);
    });
}

template <class T, int threads, int count>
__global__ void rms_norm_rotary(Heads x, int64_t rows, const T *weight, const float *cosine, const float *sine,
                                float epsilon, T *result) {
    const int64_t index = row_index<threads>();
    if (index >= rows) return;
    const int64_t head = index % x.heads, token = index / x.heads % x.tokens, batch = index / x.heads / x.tokens;
    const int64_t pairs = x.width / 2;
    const T *in = static_cast<const T *>(x.start) + batch * x.batch_stride + token * x.token_stride + head * x.head_stride;
    Row<T, threads, count> row(in, pairs);
    const float factor = row.root_mean_square(epsilon);
    T *out = result + index * x.width;
    row.each([&](int i, int64_t at) {
        const float2 w = pair(weight, at), number = row.values[i];
        put(turn({number.x * factor * w.x, number.y * factor * w.y}, cosine[token * pairs + at], sine[token * pairs + at]),
            out, at);
    });
}

template <class T, int threads, int count>
__global__ void joint_rms_norm_rotary(const T *x, int64_t rows, int64_t row_pairs, int64_t tokens, int64_t pairs,
                                      const T *weight, const float *cosine, const float *sine, float epsilon, T *result) {
    const int64_t index = row_index<threads>();
    if (index >= rows) return;
    const int64_t table = index % tokens * pairs;
    Row<T, threads, count> row(x + index * 2 * row_pairs, row_pairs);
    const float factor = row.root_mean_square(epsilon);
    T *out = result + index * 2 * row_pairs;
    row.each([&](int i, int64_t at) {
        const float2 w = pair(weight, at), number = row.values[i];
        const int64_t angle = table + at % pairs;
        put(turn({number.x * factor * w.x, number.y * factor * w.y}, cosine[angle], sine[angle]), out, at);
    });
}

__device__ float silu(float x) { return x / (1 + __expf(-x)); }

template <class T, int threads, int count>
__global__ void rms_norm_silu(const T *x, int64_t rows, int64_t pairs, const T *weight, float epsilon, T *result) {
    const int64_t index = row_index<threads>();
    if (index >= rows) return;
    Row<T, threads, count> row(x + index * 2 * pairs, pairs);
    const float factor = row.root_mean_square(epsilon);
    T *out = result + index * 2 * pairs;
    row.each([&](int i, int64_t at) {
        const float2 w = pair(weight, at), number = row.values[i];
        put(float2{silu(number.x * factor * w.x), silu(number.y * factor * w.y)}, out, at);
    });
}

template <class Body> void with_type(Number type, Body body) {
    switch (type) {
    case Number::float32: return body(float{});
    case Number::float16: return body(__half{});
    case Number::bfloat16: return body(__nv_bfloat16{});
    }
}

template <int value> struct Constant {
    static constexpr int get = value;
};

// Calls `body(threads of a row, pairs of a thread)` with constants that a row of so many pairs fits.
template <class Body> void with_shape(int64_t pairs, Body body) {
    if (pairs <= warp) return body(Constant<warp>{}, Constant<1>{});
    if (pairs <= 2 * warp) return body(Constant<warp>{}, Constant<2>{});
    if (pairs <= 4 * warp) return body(Constant<warp>{}, Constant<4>{});
    if (pairs <= 16 * warp) return body(Constant<warp>{}, Constant<16>{});
    if (pairs <= 4 * block) return body(Constant<block>{}, Constant<4>{});
    if (pairs <= 8 * block) return body(Constant<block>{}, Constant<8>{});
    if (pairs <= 16 * block) return body(Constant<block>{}, Constant<16>{});
    body(Constant<block>{}, Constant<32>{});
}

unsigned blocks(int64_t rows, int threads) {
    const int64_t rows_of_a_block = block / threads;
    return static_cast<unsigned>((rows + rows_of_a_block - 1) / rows_of_a_block);
}

}  // namespace

cudaError_t ct::modulated_layer_norm(const void *x, Number type, int64_t rows, int64_t width, Vectors scale, Vectors shift,
                                     float epsilon, void *result, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        const auto launch = [&](auto vector) {
            with_shape(width / 2, [&](auto threads, auto count) {
                ::modulated_layer_norm<T, decltype(vector), threads.get, count.get>
                    <<<blocks(rows, threads.get), block, 0, stream>>>(static_cast<const T *>(x), rows, width / 2, scale,
                                                                      shift, epsilon, static_cast<T *>(result));
            });
        };
        scale.type == type ? launch(T{}) : launch(float{});
    });
    return cudaGetLastError();
}

cudaError_t ct::rms_norm_rotary(Heads x, Number type, int64_t rows, const void *weight, const float *cosine,
                                const float *sine, float epsilon, void *result, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        with_shape(x.width / 2, [&](auto threads, auto count) {
            using T = decltype(number);
            ::rms_norm_rotary<T, threads.get, count.get><<<blocks(rows, threads.get), block, 0, stream>>>(
                x, rows, static_cast<const T *>(weight), cosine, sine, epsilon, static_cast<T *>(result));
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::joint_rms_norm_rotary(const void *x, Number type, int64_t rows, int64_t width, int64_t tokens, int64_t pairs,
                                      const void *weight, const float *cosine, const float *sine, float epsilon,
                                      void *result, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        with_shape(width / 2, [&](auto threads, auto count) {
            using T = decltype(number);
            ::joint_rms_norm_rotary<T, threads.get, count.get><<<blocks(rows, threads.get), block, 0, stream>>>(
                static_cast<const T *>(x), rows, width / 2, tokens, pairs, static_cast<const T *>(weight), cosine, sine,
                epsilon, static_cast<T *>(result));
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::rms_norm_silu(const void *x, Number type, int64_t rows, int64_t width, const void *weight, float epsilon,
                              void *result, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        with_shape(width / 2, [&](auto threads, auto count) {
            using T = decltype(number);
            ::rms_norm_silu<T, threads.get, count.get><<<blocks(rows, threads.get), block, 0, stream>>>(
                static_cast<const T *>(x), rows, width / 2, static_cast<const T *>(weight), epsilon,
                static_cast<T *>(result));
        });
    });
    return cudaGetLastError();
}
