// Group normalisation by moments that several parts of an image have: checks of its arguments, and the same formulas in LibTorch's
// operations, for types and layouts that no kernel takes.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/var_mean.h>
#include <c10/util/Exception.h>

#include <array>
#include <tuple>

namespace ct {

inline void require_groups(int64_t channels, int64_t groups) {
    TORCH_CHECK(groups > 0 && channels % groups == 0, channels, " channels do not make ", groups, " groups");
}

// Moments [parts, batch, groups, 3] of x [batch, channels, height, width], with a weight and a bias of each channel.
inline void require_moments(const at::Tensor &x, const at::Tensor &moments, const at::Tensor &weight, const at::Tensor &bias) {
    TORCH_CHECK(x.dim() == 4, "expected [batch, channels, height, width], got ", x.sizes());
    TORCH_CHECK(moments.dim() == 4 && moments.size(0) > 0 && moments.size(1) == x.size(0) && moments.size(3) == 3 &&
                    moments.scalar_type() == at::kFloat,
                "moments of ", moments.sizes(), " for ", x.sizes());
    require_groups(x.size(1), moments.size(2));
    TORCH_CHECK(weight.numel() == x.size(1) && bias.numel() == x.size(1), "the norm has ", weight.numel(), " weights and ",
                bias.numel(), " biases for ", x.sizes());
}

namespace formula {

inline at::Tensor group_moments(const at::Tensor &x, int64_t groups) {
    TORCH_CHECK(x.dim() == 4, "expected [batch, channels, height, width], got ", x.sizes());
    require_groups(x.size(1), groups);
    const at::Tensor numbers = x.to(at::kFloat).reshape({x.size(0), groups, -1});
    const auto [variance, mean] = at::var_mean(numbers, at::IntArrayRef(-1), 0);
    const double count = static_cast<double>(numbers.size(-1));
    return at::stack({at::full_like(mean, count), mean, variance * count}, -1);
}

// What each channel is multiplied by, and what is added then, [batch, channels] in float32 without gaps.
struct ChannelFactors {
    at::Tensor scale, shift;
};

inline ChannelFactors channel_factors(const at::Tensor &x, const at::Tensor &moments, const at::Tensor &weight,
                                      const at::Tensor &bias, double epsilon) {
    require_moments(x, moments, weight, bias);
    const int64_t batch = x.size(0), channels = x.size(1), groups = moments.size(2);
    // [parts, batch, groups]
    const at::Tensor count = moments.select(3, 0), means = moments.select(3, 1), squares = moments.select(3, 2);
    const at::Tensor all = at::sum(count, at::IntArrayRef(int64_t{0}));
    const at::Tensor mean = at::sum(means * (count / all), at::IntArrayRef(int64_t{0})), distance = means - mean;
    const at::Tensor variance = at::sum((squares + distance * distance * count) / all, at::IntArrayRef(int64_t{0}));
    // [batch, groups, channels of a group]
    const std::array<int64_t, 3> of_groups = {1, groups, channels / groups};
    const at::Tensor scale = weight.to(at::kFloat).reshape(of_groups) * at::rsqrt(variance + epsilon).unsqueeze(2);
    const at::Tensor shift = bias.to(at::kFloat).reshape(of_groups) - scale * mean.unsqueeze(2);
    return {scale.reshape({batch, channels}).contiguous(), shift.reshape({batch, channels}).contiguous()};
}

// In float32.
inline at::Tensor joint_group_norm(const at::Tensor &x, const at::Tensor &moments, const at::Tensor &weight,
                                   const at::Tensor &bias, double epsilon) {
    const ChannelFactors factors = channel_factors(x, moments, weight, bias, epsilon);
    const std::array<int64_t, 4> each = {x.size(0), x.size(1), 1, 1};
    return at::addcmul(factors.shift.view(each), x.to(at::kFloat), factors.scale.view(each));
}

inline at::Tensor joint_group_norm_silu(const at::Tensor &x, const at::Tensor &moments, const at::Tensor &weight,
                                        const at::Tensor &bias, double epsilon) {
    return at::silu(joint_group_norm(x, moments, weight, bias, epsilon)).to(x.scalar_type());
}

}  // namespace formula

}  // namespace ct
