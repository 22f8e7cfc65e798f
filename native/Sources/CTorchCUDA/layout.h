// How tensors lie in memory, as the kernels ask for it.
#pragma once

#include "../CTorch/packs.h"
#include "rows.h"

#include <ATen/core/Tensor.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <optional>

namespace ct {

inline std::optional<Number> number(const at::Tensor &x) {
    switch (x.scalar_type()) {
    case at::kFloat: return Number::float32;
    case at::kHalf: return Number::float16;
    case at::kBFloat16: return Number::bfloat16;
    default: return std::nullopt;
    }
}

// Whether the last axis has no gaps and every row begins where so many numbers may, of a type that the kernels take.
inline bool is_in_packs(const at::Tensor &x, int64_t pack) { return number(x) && has_packed_rows(x, pack); }

// The same, of rows that are neither too long nor too many.
inline bool has_packs(const at::Tensor &x, int64_t pack) {
    return is_in_packs(x, pack) && x.size(-1) <= longest_row && x.numel() / x.size(-1) <= most_rows;
}

inline bool has_quads(const at::Tensor &x) { return has_packs(x, 4); }

inline bool has_rows(const at::Tensor &x) { return x.is_contiguous() && has_quads(x); }

// Whether a tensor's type is another's or float32.
inline bool is_as_wide(const at::Tensor &x, at::ScalarType type) { return x.scalar_type() == type || x.scalar_type() == at::kFloat; }

inline Vectors vectors(const at::Tensor &x, int64_t rows) {
    return {x.const_data_ptr(), *number(x), x.stride(0), rows / x.size(0)};
}

// Of [batch, tokens, width].
inline Rows rows(const at::Tensor &x) { return {x.const_data_ptr(), x.size(2), x.stride(0), x.stride(1)}; }

inline cudaStream_t stream() { return c10::cuda::getCurrentCUDAStream(); }

}  // namespace ct
