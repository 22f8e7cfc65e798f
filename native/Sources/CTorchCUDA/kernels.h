// The kernels of rows.cu for tensors; nothing is returned where a type or a layout is not one that they take.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace ct::kernels {

std::optional<at::Tensor> modulated_layer_norm(const at::Tensor &x, const at::Tensor &scale, const at::Tensor &shift,
                                               double epsilon, at::ScalarType type);
std::optional<at::Tensor> gated_add(const at::Tensor &residual, const at::Tensor &gate, const at::Tensor &x);
std::optional<at::Tensor> rms_norm_rotary(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &cosine,
                                          const at::Tensor &sine, double epsilon);
std::optional<at::Tensor> joint_rms_norm_rotary(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &cosine,
                                                const at::Tensor &sine, double epsilon);
std::optional<at::Tensor> rms_norm_silu(const at::Tensor &x, const at::Tensor &weight, double epsilon);

}  // namespace ct::kernels
