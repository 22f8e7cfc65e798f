// A linear layer's weight in few bits.
#pragma once

#include "few_bits.h"

namespace ct {

// Weights of a block along each side.
constexpr int64_t block = 128;

inline int64_t parts(int64_t size, int64_t part) { return (size + part - 1) / part; }

// A quantised weight: what its tensors' types and shapes say of it.
struct QuantizedWeight {
    at::Tensor codes, scales;
    float scale;
    int64_t height, width;
    // Rows and columns that share a scale.
    int64_t rows, columns;

    QuantizedWeight(const at::Tensor &codes, const at::Tensor &scales, double scale)
        : codes(codes.contiguous()), scales(scales.contiguous()), scale(static_cast<float>(scale)) {
        const auto type = codes.scalar_type();
        TORCH_CHECK(codes.is_cpu() && codes.dim() == 2 && scales.dim() == 2, "a weight of ", codes.sizes(), " with scales of ",
                    scales.sizes());
        const bool has_halves = type == at::kByte;
        TORCH_CHECK(has_halves || type == at::kFloat8_e4m3fn || type == at::kChar, "no quantised weight is of ", type);
        height = codes.size(0);
        width = has_halves ? 2 * codes.size(1) : codes.size(1);
        TORCH_CHECK(scales.scalar_type() == (has_halves ? at::kFloat8_e4m3fn : at::kFloat), "scales of ", scales.scalar_type());
        rows = scales.size(0) == height ? 1 : scales.size(0) == 1 ? height : block;
        columns = has_halves ? group : scales.size(1) == 1 ? width : block;
        TORCH_CHECK(height == 0 || width == 0 ||
                        (parts(height, rows) == scales.size(0) && parts(width, columns) == scales.size(1)),
                    "scales of ", scales.sizes(), " for a weight of ", height, " x ", width);
    }
};

}  // namespace ct
