// What loops of our own over a CPU tensor's numbers share: their types, and cloning for several processors.
#pragma once

#include "parallel.h"
#include "support.h"

#include <algorithm>

namespace ct {

// Rows that one thread takes at a time: about 32,768 elements, as in LibTorch's own loops.
inline int64_t grain(int64_t width) { return std::max<int64_t>(1, 32768 / std::max<int64_t>(1, width)); }

// A tensor's numbers. Not `const_data_ptr<T>()`, whose name clang and the compiler that built LibTorch mangle differently.
template <class T> const T *numbers(const at::Tensor &tensor) { return static_cast<const T *>(tensor.const_data_ptr()); }

// A row function is compiled for three generations of processors, and the loader picks one. It is written once as a
// template, since no compiler clones templates. Its 16-bit floats are plain values of ours, as clang leaves calls of
// LibTorch's inline conversions unresolved in cloned functions.
#if defined(__x86_64__)
#define CT_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CT_CLONES
#endif
// Before a loop whose steps may run in any order: input and output are one row, or none of each other's.
#if defined(__clang__)
#define CT_ANY_ORDER _Pragma("clang loop vectorize(assume_safety)")
#else
#define CT_ANY_ORDER _Pragma("GCC ivdep")
#endif
#define CT_INLINE inline __attribute__((always_inline))

using half = _Float16;
struct bfloat16 {
    uint16_t bits;
};

CT_INLINE float load(float value) { return value; }
CT_INLINE float load(half value) { return static_cast<float>(value); }
CT_INLINE float load(bfloat16 value) { return __builtin_bit_cast(float, static_cast<uint32_t>(value.bits) << 16); }

CT_INLINE void store(float value, float &target) { target = value; }
CT_INLINE void store(float value, half &target) { target = static_cast<half>(value); }
// Rounds to the nearest, halves to even; a NaN keeps its highest bits.
CT_INLINE void store(float value, bfloat16 &target) {
    const uint32_t bits = __builtin_bit_cast(uint32_t, value);
    const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    target.bits = static_cast<uint16_t>(value != value ? (bits >> 16) | 0x40 : rounded);
}

// Partial sums: independent chains that the compiler turns into vector lanes, and that round less than one long chain.
constexpr int64_t lanes = 16;

CT_INLINE float total(const float (&partial)[lanes]) {
    float sum = 0;
    for (float part : partial) sum += part;
    return sum;
}

template <class T> CT_INLINE float sum_of_squares(const T *in, float mean, int64_t width) {
    float squares[lanes] = {};
    int64_t i = 0;
    for (; i + lanes <= width; i += lanes)
        for (int64_t lane = 0; lane < lanes; ++lane) {
            const float distance = load(in[i + lane]) - mean;
            squares[lane] += distance * distance;
        }
    for (; i < width; ++i) squares[0] += (load(in[i]) - mean) * (load(in[i]) - mean);
    return total(squares);
}

// e^x to about one unit in the last place; the least result is a normal float, and from 2^127.5 on it is infinity.
// The method of Cephes: x = n ln 2 + r, a polynomial for e^r, and n added to the exponent.
CT_INLINE float exponential(float x) {
    x = x < -87.0f ? -87.0f : x;
    x = x > 89.0f ? 89.0f : x;
    // Adding 1.5 · 2^23 rounds to a whole number and leaves it in the low bits.
    constexpr float shift = 12582912.0f;
    const float shifted = x * 1.44269504088896341f + shift;
    const int32_t exponent = __builtin_bit_cast(int32_t, shifted) - __builtin_bit_cast(int32_t, shift);
    const float n = shifted - shift;
    const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    return p * __builtin_bit_cast(float, (exponent + 127) << 23);
}

// x times the logistic function of z.
CT_INLINE float gated(float x, float z) { return x / (1.0f + exponential(-z)); }

// Whether such loops are for this tensor.
inline bool has_rows(const at::Tensor &x) {
    const at::ScalarType type = x.scalar_type();
    return x.is_cpu() && (type == at::kFloat || type == at::kHalf || type == at::kBFloat16);
}

// Calls `body` with a value of the tensor's type.
template <class Body> void dispatch(const at::Tensor &x, Body &&body) {
    switch (x.scalar_type()) {
    case at::kHalf: return body(half{});
    case at::kBFloat16: return body(bfloat16{});
    default: return body(float{});
    }
}

}  // namespace ct
