// Products of bfloat16 by the tiles of AMX, for processors that have it.
#pragma once

#include "quantized_weight.h"

#include <optional>

namespace ct {

// Whether x, which is not empty, may be multiplied so: it is bfloat16 on a CPU with AMX.
bool multiplies_tiles(const at::Tensor &x);

// x·Wᵀ + b of rows, into a tensor that is there; its rows may lie apart, and so may those of x.
void tile_linear_into(const at::Tensor &into, const at::Tensor &x, const at::Tensor &weight,
                      const std::optional<at::Tensor> &bias);

// The same of E4M3 or E2M1.
void tile_linear_into(const at::Tensor &into, const at::Tensor &x, const QuantizedWeight &weight,
                      const std::optional<at::Tensor> &bias);

}  // namespace ct
