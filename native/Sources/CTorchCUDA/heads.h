// Heads of tensors [batch, heads, tokens, width] for kernels that copy 16 bytes at once.
#pragma once

#include "rows.h"

#include <ATen/core/Tensor.h>

namespace ct {

// Rows that have no gaps and begin where 16 bytes may, copied if they do not.
inline at::Tensor aligned(const at::Tensor &x) {
    bool is_aligned = x.stride(3) == 1 && reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 16 == 0;
    for (int64_t axis = 0; axis < 3; ++axis) is_aligned &= x.size(axis) == 1 || x.stride(axis) * x.element_size() % 16 == 0;
    return is_aligned ? x : x.clone(at::MemoryFormat::Contiguous);
}

inline Heads heads(const at::Tensor &x) {
    return {x.const_data_ptr(), x.size(2), x.size(1), x.size(3), x.stride(0), x.stride(2), x.stride(1)};
}

}  // namespace ct
