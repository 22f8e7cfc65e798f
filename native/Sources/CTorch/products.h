// Products as this processor makes them, for files besides layers.cpp.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace ct {

// Whether the first axis of what is multiplied counts the items of a batch, whose products are made by themselves.
bool holds_items(const at::Tensor &x);

// Whether products of a type are made in 32-bit floats on this processor.
bool has_wide_products(at::ScalarType type);

// x·Wᵀ + b of rows on the CPU, into a part of the columns of a tensor that is there.
void linear_into(const at::Tensor &into, const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias);

}  // namespace ct
