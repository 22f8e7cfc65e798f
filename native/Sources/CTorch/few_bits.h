// Floats of 8 and 4 bits and whole numbers of 8: what they stand for, and how floats become one of them, ties to even.
#pragma once

#include "rows.h"

#include <ATen/core/Tensor.h>

#include <cmath>

namespace ct {

constexpr float largest_e4m3 = 448, largest_e2m1 = 6, largest_int8 = 127;
// Numbers of a row that share a scale of E2M1.
constexpr int64_t group = 16;

// E4M3 has a sign, 4 bits of exponent with a bias of 7 and 3 of mantissa; without exponent they count in steps of 2^-9.
CT_INLINE float from_e4m3(uint8_t code) {
    const uint32_t sign = static_cast<uint32_t>(code & 0x80) << 24, rest = code & 0x7f;
    const float normal = __builtin_bit_cast(float, (rest << 20) + (120u << 23));
    const float small = static_cast<float>(static_cast<int32_t>(rest)) * 0.001953125f;
    const float magnitude = rest < 8 ? small : normal;
    return __builtin_bit_cast(float, __builtin_bit_cast(uint32_t, magnitude) | sign);
}

CT_INLINE uint8_t to_e4m3(float x) {
    const uint32_t bits = __builtin_bit_cast(uint32_t, x), sign = bits >> 24 & 0x80;
    float magnitude = __builtin_bit_cast(float, bits & 0x7fffffff);
    magnitude = magnitude > largest_e4m3 ? largest_e4m3 : magnitude;
    // Of floats from 2^14 on the last bit is 2^-9.
    const uint32_t steps = __builtin_bit_cast(uint32_t, magnitude + 16384.0f) - __builtin_bit_cast(uint32_t, 16384.0f);
    const uint32_t wide = __builtin_bit_cast(uint32_t, magnitude);
    const uint32_t normal = ((wide + 0x7ffff + (wide >> 20 & 1)) >> 20) - (120u << 3);
    return static_cast<uint8_t>(sign | (magnitude < 0.015625f ? steps : normal));
}

// E2M1 has a sign, 2 bits of exponent with a bias of 1 and one of mantissa; without exponent it counts halves.
CT_INLINE float from_e2m1(uint8_t code) {
    const uint32_t sign = static_cast<uint32_t>(code & 8) << 28, rest = code & 7;
    const float normal = __builtin_bit_cast(float, (rest << 22) + (126u << 23));
    const float small = static_cast<float>(static_cast<int32_t>(rest)) * 0.5f;
    const float magnitude = rest < 2 ? small : normal;
    return __builtin_bit_cast(float, __builtin_bit_cast(uint32_t, magnitude) | sign);
}

CT_INLINE uint8_t to_e2m1(float x) {
    const float magnitude = x < 0 ? -x : x;
    const int code = (magnitude > 0.25f) + (magnitude >= 0.75f) + (magnitude > 1.25f) + (magnitude >= 1.75f) +
                     (magnitude > 2.5f) + (magnitude >= 3.5f) + (magnitude > 5.0f);
    return static_cast<uint8_t>(code | (x < 0 ? 8 : 0));
}

CT_INLINE int8_t to_int8(float x) {
    // Adding 1.5 · 2^23 rounds to a whole number.
    const float whole = (x + 12582912.0f) - 12582912.0f;
    return static_cast<int8_t>(whole < -128 ? -128 : whole > 127 ? 127 : whole);
}

// The nearest number that a type has, of one that was divided by its scale.
struct E4M3 {
    static constexpr float largest = largest_e4m3;
    CT_INLINE float operator()(float x) const { return from_e4m3(to_e4m3(x)); }
};

// Further than the largest by one below zero, as ModelOpt rounds.
struct Int8 {
    static constexpr float largest = largest_int8;
    CT_INLINE float operator()(float x) const { return static_cast<float>(to_int8(x)); }
};

// The larger of two magnitudes; NaN if one is.
CT_INLINE float larger(float one, float other) {
    // No comparison with a NaN is true.
    return one >= other ? one : one != one ? one : other;
}

// The largest magnitude of some numbers; NaN if one is.
template <class T> CT_INLINE float largest_of(const T *in, int64_t count) {
    float most[lanes] = {};
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes)
        for (int64_t lane = 0; lane < lanes; ++lane) most[lane] = larger(most[lane], std::abs(load(in[i + lane])));
    for (; i < count; ++i) most[0] = larger(most[0], std::abs(load(in[i])));
    for (int64_t half = lanes / 2; half > 0; half /= 2)
        for (int64_t lane = 0; lane < half; ++lane) most[lane] = larger(most[lane], most[lane + half]);
    return most[0];
}

// The operators of these names (rounding.cpp, quantized.cpp).
at::Tensor round_int8(const at::Tensor &x, int64_t part, double scale);
at::Tensor quantized_linear(const at::Tensor &x, const at::Tensor &codes, const at::Tensor &scales, double scale,
                            const std::optional<at::Tensor> &bias);

// The largest magnitude of a row, and a row of integers, compiled for each processor (quantized.cpp).
float largest_in_row(const float *in, int64_t count);
float largest_in_row(const half *in, int64_t count);
float largest_in_row(const bfloat16 *in, int64_t count);
void to_int8_row(const float *in, float scale, int64_t count, int8_t *out);
void to_int8_row(const half *in, float scale, int64_t count, int8_t *out);
void to_int8_row(const bfloat16 *in, float scale, int64_t count, int8_t *out);

}  // namespace ct
