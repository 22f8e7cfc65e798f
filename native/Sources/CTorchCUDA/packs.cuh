// What the kernels share: packs of numbers, moved in pieces of at most 16 bytes and computed with in float32.
#pragma once

#include "rows.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace {

using ct::Number;

constexpr int warp = 32, block = 256;

// What 16 bytes hold.
template <class T> constexpr int longest_pack = 16 / sizeof(T);

template <int count> struct Numbers {
    float values[count];
};

__device__ float2 floats(__half2 pair) { return __half22float2(pair); }
// bfloat16 is the upper half of a float: an operation each, where the library's takes two for the second.
__device__ float2 floats(__nv_bfloat162 pair) {
    const uint32_t bits = reinterpret_cast<const uint32_t &>(pair);
    return {__uint_as_float(bits << 16), __uint_as_float(bits & 0xffff0000)};
}
__device__ void round(float2 pair, __half2 &to) { to = __float22half2_rn(pair); }
__device__ void round(float2 pair, __nv_bfloat162 &to) { to = __float22bfloat162_rn(pair); }

template <class T> struct Pair;
template <> struct Pair<__half> {
    using Type = __half2;
};
template <> struct Pair<__nv_bfloat16> {
    using Type = __nv_bfloat162;
};

// As many numbers in a row, moved in as few pieces of at most 16 bytes as they fit.
template <class T, int count> struct alignas(count * sizeof(T) < 16 ? count * sizeof(T) : 16) Stored {
    T numbers[count];

    __device__ Numbers<count> floats() const {
        Numbers<count> result;
        if constexpr (sizeof(T) == 4) {
            for (int i = 0; i < count; ++i) result.values[i] = numbers[i];
        } else {
            const auto *pairs = reinterpret_cast<const typename Pair<T>::Type *>(numbers);
            for (int i = 0; i < count / 2; ++i) {
                const float2 pair = ::floats(pairs[i]);
                result.values[2 * i] = pair.x;
                result.values[2 * i + 1] = pair.y;
            }
        }
        return result;
    }
};

template <int bytes> struct WordOf;
template <> struct WordOf<4> {
    using Type = unsigned;
};
template <> struct WordOf<8> {
    using Type = uint2;
};
template <> struct WordOf<16> {
    using Type = uint4;
};

// Copies a pack in as few pieces as it may be moved in: left to itself the compiler moves four bytes at once.
template <class P> __device__ void move_pack(const void *from, void *to) {
    using Word = typename WordOf<alignof(P)>::Type;
    for (int i = 0; i < static_cast<int>(sizeof(P) / sizeof(Word)); ++i)
        static_cast<Word *>(to)[i] = static_cast<const Word *>(from)[i];
}

template <int count, class T> __device__ Stored<T, count> load_pack(const T *at) {
    Stored<T, count> result;
    move_pack<Stored<T, count>>(at, &result);
    return result;
}

template <int count, class T> __device__ Numbers<count> load(const T *at) { return load_pack<count>(at).floats(); }

template <class T, int count> __device__ Stored<T, count> stored(const Numbers<count> &numbers) {
    Stored<T, count> result;
    if constexpr (sizeof(T) == 4) {
        for (int i = 0; i < count; ++i) result.numbers[i] = numbers.values[i];
    } else {
        auto *pairs = reinterpret_cast<typename Pair<T>::Type *>(result.numbers);
        for (int i = 0; i < count / 2; ++i) round({numbers.values[2 * i], numbers.values[2 * i + 1]}, pairs[i]);
    }
    return result;
}

template <int count, class T> __device__ void store(const Numbers<count> &numbers, T *at) {
    const auto pack = stored<T>(numbers);
    move_pack<Stored<T, count>>(&pack, at);
}

// x / (1 + 2^y)
__device__ float gated(float x, float y) {
    float power, inverse;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(y));
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(inverse) : "f"(1 + power));
    return x * inverse;
}

__device__ float silu(float x) { return gated(x, -1.442695041f * x); }

// Calls `body` with a number of the type.
template <class Body> void with_type(Number type, Body body) {
    switch (type) {
    case Number::float32: return body(float{});
    case Number::float16: return body(__half{});
    case Number::bfloat16: return body(__nv_bfloat16{});
    }
}

}  // namespace
