// The operators of fused.cpp and group_norm.cpp on a GPU: checks of layout, and launches of the kernels of rows.cu and
// group_norm.cu. Types and layouts that these do not take are left to LibTorch's operations.
#include "../CTorch/fused.h"
#include "../CTorch/group_norm.h"

#include "layout.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/silu.h>
#include <torch/library.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

using namespace ct;

namespace {

// Whether [batch, channels, ...] has no gaps and every channel begins where 16 bytes may.
bool has_planes(const at::Tensor &x) {
    if (!number(x) || x.dim() < 3 || x.numel() == 0 || !x.is_contiguous() || x.size(0) * x.size(1) > most_rows) return false;
    const int64_t bytes = x.numel() / (x.size(0) * x.size(1)) * x.element_size();
    return bytes % 16 == 0 && reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 16 == 0;
}

// Some rows and columns of [batch, channels, height, width] whose channels lie last, in packs of 16 bytes that a block's threads
// can share.
std::optional<Pixels> pixels(const at::Tensor &x, int64_t groups) {
    if (!number(x) || x.dim() != 4 || x.numel() == 0 || x.size(2) * x.size(3) > most_rows) return {};
    const int64_t channels = x.size(1), bytes = channels * x.element_size();
    if (x.stride(1) != 1 || channels == 1 || x.stride(3) != channels || bytes % 16 != 0 || bytes > 256 * 16) return {};
    if (reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 16 != 0) return {};
    const auto bits = [](int64_t value) { return static_cast<uint32_t>(value); };
    const auto small = [](int64_t value) { return static_cast<int>(value); };
    return Pixels{small(x.size(0)), small(channels), small(groups), bits(x.size(2)), bits(x.size(3)), x.stride(0), x.stride(2)};
}

// The same of whole images.
std::optional<Pixels> all_pixels(const at::Tensor &x, int64_t groups) {
    return x.is_contiguous() || !x.is_contiguous(at::MemoryFormat::ChannelsLast) ? std::nullopt : pixels(x, groups);
}

at::Tensor weights(const at::Tensor &weight, const at::Tensor &x) { return weight.to(x.scalar_type()).contiguous(); }

const float *table(const at::Tensor &x) { return static_cast<const float *>(x.const_data_ptr()); }

namespace kernels {

at::Tensor modulated_layer_norm(const at::Tensor &x, const at::Tensor &scale, const at::Tensor &shift, double epsilon,
                                at::ScalarType type) {
    const Modulation modulation = checked_modulation(x, scale, shift);
    const at::Tensor &a = modulation.scale, &b = modulation.shift;
    if (!has_rows(x) || !has_quads(a) || !has_quads(b) || a.scalar_type() != b.scalar_type() || !is_as_wide(x, type) ||
        !is_as_wide(a, x.scalar_type()))
        return formula::modulated_layer_norm(x, modulation, epsilon, type);
    const c10::cuda::CUDAGuard guard(x.device());
    const int64_t width = x.size(-1), rows = x.numel() / width;
    at::Tensor result = at::empty_like(x, x.options().dtype(type));
    C10_CUDA_CHECK(ct::modulated_layer_norm(x.const_data_ptr(), *number(x), rows, width, vectors(a, rows), vectors(b, rows),
                                            static_cast<float>(epsilon), result.mutable_data_ptr(), *number(result),
                                            stream()));
    return result;
}

at::Tensor modulated_rms_norm(const at::Tensor &x, const at::Tensor &scale, const at::Tensor &shift, double epsilon,
                              at::ScalarType type) {
    const Modulation modulation = checked_modulation(x, scale, shift);
    const at::Tensor &a = modulation.scale, &b = modulation.shift;
    if (!has_rows(x) || !has_quads(a) || !has_quads(b) || a.scalar_type() != b.scalar_type() || !is_as_wide(x, type) ||
        !is_as_wide(a, x.scalar_type()))
        return formula::modulated_rms_norm(x, modulation, epsilon, type);
    const c10::cuda::CUDAGuard guard(x.device());
    const int64_t width = x.size(-1), rows = x.numel() / width;
    at::Tensor result = at::empty_like(x, x.options().dtype(type));
    C10_CUDA_CHECK(ct::modulated_rms_norm(x.const_data_ptr(), *number(x), rows, width, vectors(a, rows), vectors(b, rows),
                                          static_cast<float>(epsilon), result.mutable_data_ptr(), *number(result), stream()));
    return result;
}

at::Tensor gated_add(const at::Tensor &residual, const at::Tensor &gate, const at::Tensor &x) {
    const at::Tensor factor = checked_gate(residual, gate, x);
    if (!has_rows(residual) || !has_rows(x) || !has_quads(factor) || !is_as_wide(residual, x.scalar_type()) ||
        !is_as_wide(factor, residual.scalar_type()) || x.numel() / 4 > most_rows)
        return formula::gated_add(residual, factor, x);
    const c10::cuda::CUDAGuard guard(x.device());
    const int64_t width = x.size(-1), rows = x.numel() / width;
    at::Tensor result = at::empty_like(residual);
    C10_CUDA_CHECK(ct::gated_add(residual.const_data_ptr(), *number(residual), vectors(factor, rows), x.const_data_ptr(),
                                 *number(x), rows, width, result.mutable_data_ptr(), stream()));
    return result;
}

void rotate_into(const at::Tensor &into, const NormedHeads &part, const RotaryTables &tables, double epsilon) {
    const auto &[x, weight] = part;
    const int64_t pack = 16 / x.element_size();
    if (!has_packs(x, pack) || !has_packs(into, pack) || !has_packs(tables.cosine, pack / 2) || !has_packs(tables.sine, pack / 2)) {
        into.copy_(formula::rms_norm_rotary(x, weight, tables, epsilon));
        return;
    }
    const c10::cuda::CUDAGuard guard(x.device());
    const at::Tensor factors = weights(weight, x);
    const Heads heads{x.const_data_ptr(), x.size(1), x.size(2), x.size(3), x.stride(0), x.stride(1), x.stride(2)};
    C10_CUDA_CHECK(ct::rms_norm_rotary(heads, *number(x), x.size(0) * x.size(1) * x.size(2), factors.const_data_ptr(),
                                       table(tables.cosine), table(tables.sine), static_cast<float>(epsilon),
                                       into.mutable_data_ptr(), into.stride(0), stream()));
}

at::Tensor joint_rms_norm_rotary(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &cosine,
                                 const at::Tensor &sine, double epsilon) {
    const RotaryTables tables = checked_joint_tables(x, weight, cosine, sine);
    const int64_t pairs = tables.cosine.size(1);
    if (!has_rows(x) || pairs % 2 != 0) return formula::joint_rms_norm_rotary(x, weight, tables, epsilon);
    const c10::cuda::CUDAGuard guard(x.device());
    const at::Tensor factors = weights(weight, x);
    at::Tensor result = at::empty_like(x);
    C10_CUDA_CHECK(ct::joint_rms_norm_rotary(x.const_data_ptr(), *number(x), x.size(0) * x.size(1), x.size(2), x.size(1),
                                             2 * pairs, factors.const_data_ptr(), table(tables.cosine), table(tables.sine),
                                             static_cast<float>(epsilon), result.mutable_data_ptr(), stream()));
    return result;
}

at::Tensor joint_rms_norm_rotary_halves(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &cosine,
                                        const at::Tensor &sine, double epsilon) {
    const RotaryTables tables = checked_head_tables(x, weight, cosine, sine);
    const int64_t pairs = tables.cosine.size(2);
    if (!has_rows(x) || pairs % 4 != 0) return formula::joint_rms_norm_rotary_halves(x, weight, tables, epsilon);
    const c10::cuda::CUDAGuard guard(x.device());
    const at::Tensor factors = weights(weight, x);
    at::Tensor result = at::empty_like(x);
    C10_CUDA_CHECK(ct::joint_rms_norm_rotary_halves(
        x.const_data_ptr(), *number(x), x.size(0) * x.size(1), x.size(2), 1, x.size(1), pairs, factors.const_data_ptr(),
        table(tables.cosine), table(tables.sine), static_cast<float>(epsilon), result.mutable_data_ptr(), stream()));
    return result;
}

at::Tensor rms_norm_rotary_halves(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &cosine,
                                  const at::Tensor &sine, double epsilon) {
    const RotaryTables tables = checked_tables_of_halves(x, weight, cosine, sine);
    const int64_t heads = x.size(2), pairs = x.size(3) / 2;
    if (!has_rows(x) || pairs % 4 != 0) return formula::rms_norm_rotary_halves(x, weight, tables, epsilon);
    const c10::cuda::CUDAGuard guard(x.device());
    const at::Tensor factors = weights(weight, x);
    at::Tensor result = at::empty_like(x);
    C10_CUDA_CHECK(ct::joint_rms_norm_rotary_halves(
        x.const_data_ptr(), *number(x), x.size(0) * x.size(1) * heads, 2 * pairs, heads, tables.cosine.numel() / pairs, pairs,
        factors.const_data_ptr(), table(tables.cosine), table(tables.sine), static_cast<float>(epsilon),
        result.mutable_data_ptr(), stream()));
    return result;
}

at::Tensor rms_norm_silu(const at::Tensor &x, const at::Tensor &weight, double epsilon) {
    check_norm(x, weight);
    if (!has_rows(x)) return formula::rms_norm_silu(x, weight, epsilon);
    const c10::cuda::CUDAGuard guard(x.device());
    const at::Tensor factors = weights(weight, x);
    at::Tensor result = at::empty_like(x);
    const int64_t width = x.size(-1);
    C10_CUDA_CHECK(ct::rms_norm_silu(x.const_data_ptr(), *number(x), x.numel() / width, width, factors.const_data_ptr(),
                                     static_cast<float>(epsilon), result.mutable_data_ptr(), stream()));
    return result;
}

at::Tensor swiglu(const at::Tensor &gate, const at::Tensor &x, const std::optional<at::Tensor> &other) {
    check_swiglu(gate, x, other);
    const int64_t pack = 16 / x.element_size(), before = other ? other->size(2) : 0;
    const int64_t packs = x.size(0) * x.size(1) * ((before + x.size(2)) / pack);
    if (!is_in_packs(x, pack) || !is_in_packs(gate, pack) || (before && !is_in_packs(*other, pack)) || packs > most_rows)
        return formula::swiglu(gate, x, other);
    const c10::cuda::CUDAGuard guard(x.device());
    at::Tensor result = at::empty({x.size(0), x.size(1), before + x.size(2)}, x.options());
    const Rows beside = before ? rows(*other) : Rows{nullptr, 0, 0, 0};
    C10_CUDA_CHECK(ct::swiglu(rows(gate), rows(x), beside, *number(x), x.size(0), x.size(1), result.mutable_data_ptr(),
                              stream()));
    return result;
}

Planes planes(const at::Tensor &x, int64_t groups) {
    return {x.size(0), x.size(1), x.numel() / (x.size(0) * x.size(1)), groups};
}

// Memory for what the parts of groups are measured into.
at::Tensor room_for_parts(const at::Tensor &x, int64_t groups) {
    return at::empty({x.size(0) * groups * std::max(most_parts, most_pixel_parts), 3}, x.options().dtype(at::kFloat));
}

// What each channel of an image is multiplied by, and what is added then.
at::Tensor room_for_factors(const at::Tensor &x) {
    return at::empty({x.size(0), x.size(1), 2}, x.options().dtype(at::kFloat));
}

at::Tensor group_norm_silu(const at::Tensor &x, int64_t groups, const at::Tensor &weight, const at::Tensor &bias,
                           double epsilon) {
    const auto last = all_pixels(x, groups);
    if ((!last && !has_planes(x)) || groups < 1 || x.size(1) % groups != 0 || weight.numel() != x.size(1) ||
        bias.numel() != x.size(1))
        return at::silu(at::group_norm(x, groups, weight, bias, epsilon));
    const c10::cuda::CUDAGuard guard(x.device());
    const at::Tensor scales = weight.to(at::kFloat).contiguous(), shifts = bias.to(at::kFloat).contiguous();
    const ChannelWeights own{table(scales), table(shifts), static_cast<float>(epsilon)};
    const at::Tensor moments = room_for_parts(x, groups);
    at::Tensor result = at::empty_like(x);
    if (last)
        C10_CUDA_CHECK(ct::group_norm_silu(x.const_data_ptr(), *number(x), *last, own, moments.mutable_data_ptr(),
                                           room_for_factors(x).mutable_data_ptr(), result.mutable_data_ptr(), stream()));
    else
        C10_CUDA_CHECK(ct::group_norm_silu(x.const_data_ptr(), *number(x), planes(x, groups), own, moments.mutable_data_ptr(),
                                           result.mutable_data_ptr(), stream()));
    return result;
}

// The planes of which x [batch, channels, height, width] has some rows and columns, if kernels take them.
std::optional<std::pair<at::Tensor, Window>> framed(const at::Tensor &x) {
    if (x.dim() != 4 || x.numel() == 0 || x.stride(3) != 1 || x.stride(2) < x.size(3)) return {};
    const int64_t plane = x.stride(1), width = x.stride(2), start = x.storage_offset() % std::max<int64_t>(plane, 1);
    const int64_t row = start / width, column = start % width;
    if (plane % width != 0 || (row + x.size(2)) * width > plane || column + x.size(3) > width) return {};
    if (x.size(1) * plane > std::numeric_limits<uint32_t>::max()) return {};
    const int64_t first = x.storage_offset() - start, count = x.size(0) * x.size(1) * plane;
    if (x.size(0) > 1 && x.stride(0) != x.size(1) * plane) return {};
    if ((first + count) * x.element_size() > static_cast<int64_t>(x.storage().nbytes())) return {};
    const at::Tensor whole =
        x.as_strided({x.size(0), x.size(1), plane / width, width}, {x.size(1) * plane, plane, width, 1}, first);
    if (!has_planes(whole)) return {};
    const auto bits = [](int64_t value) { return static_cast<uint32_t>(value); };
    return {{whole, Window{bits(plane), bits(width), bits(row), bits(x.size(2)), bits(column), bits(x.size(3))}}};
}

at::Tensor group_moments(const at::Tensor &x, int64_t groups) {
    const auto last = pixels(x, groups);
    const auto frame = last ? std::nullopt : framed(x);
    if ((!last && !frame) || groups < 1 || x.size(1) % groups != 0) return formula::group_moments(x, groups);
    const c10::cuda::CUDAGuard guard(x.device());
    const at::Tensor moments = room_for_parts(x, groups);
    at::Tensor result = at::empty({x.size(0), groups, 3}, x.options().dtype(at::kFloat));
    if (last)
        C10_CUDA_CHECK(ct::group_moments(x.const_data_ptr(), *number(x), *last, moments.mutable_data_ptr(),
                                         result.mutable_data_ptr(), stream()));
    else
        C10_CUDA_CHECK(ct::group_moments(frame->first.const_data_ptr(), *number(x), planes(frame->first, groups), frame->second,
                                         moments.mutable_data_ptr(), result.mutable_data_ptr(), stream()));
    return result;
}

template <bool has_silu>
at::Tensor joint_group_norm(const at::Tensor &x, const at::Tensor &moments, const at::Tensor &weight, const at::Tensor &bias,
                            double epsilon) {
    require_moments(x, moments, weight, bias);
    const int64_t groups = moments.size(2);
    const auto last = all_pixels(x, groups);
    if (!last && !has_planes(x)) {
        if (has_silu) return formula::joint_group_norm_silu(x, moments, weight, bias, epsilon);
        return formula::joint_group_norm(x, moments, weight, bias, epsilon).to(x.scalar_type());
    }
    const c10::cuda::CUDAGuard guard(x.device());
    const at::Tensor scales = weight.to(at::kFloat).contiguous(), shifts = bias.to(at::kFloat).contiguous();
    const ChannelWeights own{table(scales), table(shifts), static_cast<float>(epsilon)};
    const at::Tensor all = moments.contiguous();
    const int parts = static_cast<int>(all.size(0));
    at::Tensor result = at::empty_like(x);
    if (last)
        C10_CUDA_CHECK(ct::joint_group_norm(x.const_data_ptr(), *number(x), *last, all.const_data_ptr(), parts, has_silu, own,
                                            room_for_factors(x).mutable_data_ptr(), result.mutable_data_ptr(), stream()));
    else
        C10_CUDA_CHECK(ct::joint_group_norm(x.const_data_ptr(), *number(x), planes(x, groups), all.const_data_ptr(), parts,
                                            has_silu, own, result.mutable_data_ptr(), stream()));
    return result;
}

}  // namespace kernels

}  // namespace

TORCH_LIBRARY_IMPL(visualgen, CUDA, m) {
    m.impl("modulated_layer_norm", kernels::modulated_layer_norm);
    m.impl("modulated_rms_norm", kernels::modulated_rms_norm);
    m.impl("gated_add", kernels::gated_add);
    m.impl("rms_norm_rotary", rotated<kernels::rotate_into>);
    m.impl("joint_rms_norm_rotary", kernels::joint_rms_norm_rotary);
    m.impl("joint_rms_norm_rotary_halves", kernels::joint_rms_norm_rotary_halves);
    m.impl("rms_norm_rotary_halves", kernels::rms_norm_rotary_halves);
    m.impl("rms_norm_silu", kernels::rms_norm_silu);
    m.impl("group_norm_silu", kernels::group_norm_silu);
    m.impl("group_moments", kernels::group_moments);
    m.impl("joint_group_norm", kernels::joint_group_norm<false>);
    m.impl("joint_group_norm_silu", kernels::joint_group_norm<true>);
    m.impl("swiglu", kernels::swiglu);
}
