// What loops of our own over a CPU tensor's numbers share: their types, and cloning for several processors.
#pragma once

#include "support.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace ct {

// Rows that one thread takes at a time: about 32,768 elements, as in LibTorch's own loops.
inline int64_t grain(int64_t width) { return std::max<int64_t>(1, 32768 / std::max<int64_t>(1, width)); }

// A tensor's numbers. Not `const_data_ptr<T>()`, whose name clang and the compiler that built LibTorch mangle differently.
template <class T> const T *numbers(const at::Tensor &tensor) { return static_cast<const T *>(tensor.const_data_ptr()); }

// A row function is compiled for three generations of processors, and the loader picks one. It is written once as a
// template, since no compiler clones templates. Its 16-bit floats are plain values of ours, as clang leaves calls of
// LibTorch's inline conversions unresolved in cloned functions.
#define CT_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
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
