// Products as this processor makes them, for files besides layers.cpp.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <optional>

namespace ct {

// Whether the first axis of what is multiplied counts the items of a batch, whose products are made by themselves.
bool holds_items(const at::Tensor &x);

// Whether products of a type are made in 32-bit floats on this processor.
bool has_wide_products(at::ScalarType type);

// Rows of a weight that are converted at once, about so many numbers. They come in 64s, so that the rows of their products lie
// on whole cache lines: in other numbers, products of 32-bit floats take up to 1.3 times as long on CPUs with AVX2.
inline int64_t rows_at_once(int64_t numbers, int64_t width, int64_t least) {
    return std::max(least, numbers / std::max<int64_t>(1, width) / 64 * 64);
}

// Of a weight of 16 bits, for products in 32, and of one in few bits.
inline int64_t narrow_rows_at_once(int64_t width) { return rows_at_once(1 << 23, width, 256); }
inline int64_t quantized_rows_at_once(int64_t width) { return rows_at_once(1 << 22, width, 128); }

// x·Wᵀ + b of rows on the CPU, into a part of the columns of a tensor that is there.
void linear_into(const at::Tensor &into, const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias);

}  // namespace ct
