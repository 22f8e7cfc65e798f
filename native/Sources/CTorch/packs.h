// Whether a tensor's rows can be moved several numbers at once.
#pragma once

#include <ATen/core/Tensor.h>

namespace ct {

// Whether the last axis has no gaps and every row begins where so many numbers may.
inline bool has_packed_rows(const at::Tensor &x, int64_t pack) {
    if (x.dim() == 0 || x.numel() == 0 || x.size(-1) % pack != 0 || x.stride(-1) != 1) return false;
    for (int64_t axis = 0; axis < x.dim() - 1; ++axis)
        if (x.stride(axis) % pack != 0) return false;
    return reinterpret_cast<uintptr_t>(x.const_data_ptr()) % (pack * x.element_size()) == 0;
}

}  // namespace ct
