// Quantised weights on a GPU, and inputs of their products in 8 bits: the operators of quantized.cpp, rounding.cpp and
// int8_linear.cpp, by the same formulas.
//
// Hopper multiplies numbers of E4M3 by cuBLAS. Elsewhere, and where a size is none of cuBLAS's, weights are widened for each
// product. Weights are quantised by LibTorch's operations, as that is done once.
#include "../CTorch/fused.h"

#include "few_bits.h"
#include "layout.h"

#include <ATen/BlasBackend.h>
#include <ATen/ops/_int_mm.h>
#include <ATen/ops/_scaled_mm_v2.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <torch/library.h>

#include <limits>

using namespace ct;

namespace {

constexpr float largest_e4m3 = 448, largest_e2m1 = 6, largest_int8 = 127;
// Weights of a block along each side, and numbers of a row that share a scale of E2M1.
constexpr int64_t block = numbers_of_block, group = 16;

int64_t parts(int64_t size, int64_t part) { return (size + part - 1) / part; }

int64_t rows_of(const at::Tensor &x) { return x.size(-1) ? x.numel() / x.size(-1) : 0; }

bool is_hopper(const at::Tensor &x) {
    int major = 0;
    C10_CUDA_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, x.device().index()));
    return major == 9;
}

// The largest magnitude along some axes.
at::Tensor largest(const at::Tensor &x, at::IntArrayRef axes) {
    return at::linalg_vector_norm(x, std::numeric_limits<double>::infinity(), axes, true, at::kFloat);
}

// x / y as a division rounds it: by a number LibTorch multiplies with its inverse.
at::Tensor quotient(const at::Tensor &x, double y) { return x / at::full({}, y, x.options()); }

// --- weights

at::Tensor checked_weight(const at::Tensor &weight) {
    TORCH_CHECK(weight.dim() == 2 && number(weight), "cannot quantise ", weight.sizes(), " of ", weight.scalar_type());
    return weight.to(at::kFloat);
}

// Blocks of so many rows and columns, [blocks down, rows, blocks across, columns], with zeros beyond the edges.
at::Tensor blocks_of(const at::Tensor &x, int64_t rows, int64_t columns) {
    const int64_t down = parts(x.size(0), rows), across = parts(x.size(1), columns);
    return at::constant_pad_nd(x, {0, across * columns - x.size(1), 0, down * rows - x.size(0)})
        .view({down, rows, across, columns});
}

// Scales of blocks, and the quotients of their numbers; where a scale would be below the smallest normal float it is 1, with
// zeros behind it.
std::pair<at::Tensor, at::Tensor> scaled_weight(const at::Tensor &given, int64_t rows, int64_t columns, float most) {
    const at::Tensor weight = checked_weight(given), blocks = blocks_of(weight, rows, columns);
    const at::Tensor scale = quotient(largest(blocks, {1, 3}), most);
    TORCH_CHECK(at::isfinite(scale).all().item<bool>(), "numbers that are not finite cannot be quantised");
    const at::Tensor is_small = scale < std::numeric_limits<float>::min();
    const at::Tensor numbers = at::where(is_small, 0.0f, blocks / scale).flatten(2, 3).flatten(0, 1);
    return {at::where(is_small, 1.0f, scale).squeeze(3).squeeze(1).contiguous(),
            numbers.narrow(0, 0, weight.size(0)).narrow(1, 0, weight.size(1))};
}

std::tuple<at::Tensor, at::Tensor> quantize_e4m3(const at::Tensor &weight, int64_t rows, int64_t columns) {
    const auto [scales, numbers] = scaled_weight(weight, rows, columns, largest_e4m3);
    return {at::clamp(numbers, -largest_e4m3, largest_e4m3).to(at::kFloat8_e4m3fn), scales};
}

std::tuple<at::Tensor, at::Tensor> quantize_int8(const at::Tensor &weight) {
    const auto [scales, numbers] = scaled_weight(weight, 1, std::max<int64_t>(1, weight.size(1)), largest_int8);
    return {at::clamp(numbers.round(), -128, 127).to(at::kChar), scales};
}

// The codes of E2M1 next to some numbers, ties to the even one.
at::Tensor nearest_e2m1(const at::Tensor &x) {
    const at::Tensor size = x.abs();
    const auto step = [](const at::Tensor &is_beyond) { return is_beyond.to(at::kByte); };
    const at::Tensor code = step(size > 0.25) + step(size >= 0.75) + step(size > 1.25) + step(size >= 1.75) + step(size > 2.5) +
                            step(size >= 3.5) + step(size > 5);
    return code + 8 * step(x < 0);
}

std::tuple<at::Tensor, at::Tensor> quantize_e2m1(const at::Tensor &given, double scale) {
    const at::Tensor weight = checked_weight(given);
    const int64_t height = weight.size(0), width = weight.size(1);
    TORCH_CHECK(width % group == 0, "rows of ", width, " numbers are no multiple of ", group);
    TORCH_CHECK(at::isfinite(weight).all().item<bool>(), "numbers that are not finite cannot be quantised");
    const float factor = static_cast<float>(scale);
    const bool is_small = factor < std::numeric_limits<float>::min();
    const float whole = is_small ? 1 : factor;
    const at::Tensor groups = weight.view({height, width / group, group});
    at::Tensor ratio = quotient(largest(groups, {2}), largest_e2m1 * whole);
    ratio = is_small ? at::ones_like(ratio) : at::where(ratio == 0, 1.0f, ratio);
    const at::Tensor scales = at::clamp(ratio, 0.001953125, largest_e4m3).to(at::kFloat8_e4m3fn);
    const at::Tensor numbers = groups / (scales.to(at::kFloat) * whole);
    const at::Tensor codes = nearest_e2m1(is_small ? at::zeros_like(numbers) : numbers).view({height, width / 2, 2});
    return {codes.select(2, 0) + 16 * codes.select(2, 1), scales.squeeze(2)};
}

at::Tensor largest_magnitude(const at::Tensor &weight) { return largest(checked_weight(weight), {0, 1}).squeeze(); }

// Each block's scale for every number that has it, [height, width].
at::Tensor expanded(const at::Tensor &scales, int64_t height, int64_t width, int64_t rows, int64_t columns) {
    return scales.repeat_interleave(rows, 0).repeat_interleave(columns, 1).narrow(0, 0, height).narrow(1, 0, width);
}

// What codes of 8 bits [height, width] stand for, with a scale for each block of rows and columns.
at::Tensor widened(const at::Tensor &codes, const at::Tensor &scales, int64_t rows, int64_t columns, at::ScalarType type) {
    const int64_t height = codes.size(0), width = codes.size(1);
    at::Tensor result = at::empty({height, width}, codes.options().dtype(type));
    if (result.numel() == 0) return result;
    if (!codes.is_contiguous() || !number(result) || width % group || (columns % group && columns < width))
        return result.copy_(codes.to(at::kFloat) * expanded(scales, height, width, rows, columns));
    const Code code = codes.scalar_type() == at::kChar ? Code::int8 : Code::e4m3;
    C10_CUDA_CHECK(ct::widen(codes.const_data_ptr(), code, height, width,
                             {scales.const_data_ptr<float>(), rows, columns, scales.stride(0), scales.stride(1)},
                             result.mutable_data_ptr(), *number(result), stream()));
    return result;
}

at::Tensor dequantize(const at::Tensor &codes, const at::Tensor &scales, double scale, at::ScalarType type) {
    const c10::cuda::CUDAGuard guard(codes.device());
    const int64_t height = codes.size(0);
    if (codes.scalar_type() != at::kByte) {
        const int64_t width = codes.size(1);
        const int64_t rows = scales.size(0) == height ? 1 : scales.size(0) == 1 ? height : block;
        return widened(codes.contiguous(), scales, rows, scales.size(1) == 1 ? std::max<int64_t>(1, width) : block, type);
    }
    TORCH_CHECK(codes.is_contiguous() && scales.is_contiguous() && scales.numel() * group == codes.numel() * 2, "scales of ",
                scales.sizes(), " for a weight of ", codes.sizes());
    at::Tensor result = at::empty({height, 2 * codes.size(1)}, codes.options().dtype(type));
    TORCH_CHECK(number(result), "a weight is not widened to ", type);
    if (result.numel() == 0) return result;
    C10_CUDA_CHECK(ct::widen_e2m1(codes.const_data_ptr(), scales.const_data_ptr(), static_cast<float>(scale), height,
                                  result.size(1), result.mutable_data_ptr(), *number(result), stream()));
    return result;
}

at::Tensor quantized_linear(const at::Tensor &x, const at::Tensor &codes, const at::Tensor &scales, double scale,
                            const std::optional<at::Tensor> &bias) {
    // A layer that computes in 32 bits may have a bias of 16.
    const auto offsets = bias ? std::optional<at::Tensor>(bias->to(x.scalar_type())) : std::nullopt;
    return at::linear(x, dequantize(codes, scales, scale, x.scalar_type()), offsets);
}

// --- inputs

// The scale of each item of a batch, whose largest magnitude is so many times as large.
at::Tensor scales_of_items(const at::Tensor &x, float most) {
    const at::Tensor items = x.dim() == 1 ? x.unsqueeze(0) : x.flatten(1);
    const at::Tensor scale = quotient(largest(items, {1}).view({-1}), most);
    return at::where(scale == 0, 1.0f, scale);
}

// Room for the codes and the scales of so many rows, and where their scales come from: one for `part` numbers each, the item's
// where that is 0, or a number that is given.
struct Rounded {
    at::Tensor codes, scales, items;
    Scales how;

    Rounded(const at::Tensor &like, Code code, int64_t rows, int64_t width, int64_t part, double scale,
            const at::Tensor &items = {})
        : items(items) {
        const bool has_blocks = scale <= 0 && part > 0 && part < width;
        TORCH_CHECK(!has_blocks || part == block, "blocks of ", part, " numbers");
        // cuBLAS's scales of blocks lie a column after the other, each of a multiple of four rows.
        const int64_t height = has_blocks ? 4 * parts(rows, 4) : rows;
        codes = at::empty({height, width}, like.options().dtype(code == Code::e4m3 ? at::kFloat8_e4m3fn : at::kChar));
        scales = at::empty({has_blocks ? parts(width, block) : 1, height}, like.options().dtype(at::kFloat)).t();
        how = {scale > 0    ? Scales::one
               : has_blocks ? Scales::of_block
               : part > 0   ? Scales::of_row
                            : Scales::of_item,
               items.defined() ? items.const_data_ptr<float>() : nullptr,
               items.defined() ? rows / items.numel() : 1,
               static_cast<float>(scale),
               scales.mutable_data_ptr<float>(),
               height};
    }

    std::tuple<at::Tensor, at::Tensor> tensors() const { return {codes, scales}; }
};

// The same by LibTorch's operations, for layouts that no kernel takes.
Rounded rounded_by_formula(const at::Tensor &x, Code code, Rounded rounded) {
    const int64_t height = x.size(0), width = x.size(1);
    const float most = code == Code::e4m3 ? largest_e4m3 : largest_int8;
    const at::Tensor numbers = x.to(at::kFloat), scales = rounded.scales.narrow(0, 0, height);
    const int64_t columns = rounded.how.kind == Scales::of_block ? block : width;
    switch (rounded.how.kind) {
    case Scales::one: scales.fill_(rounded.how.number); break;
    case Scales::of_item: scales.copy_(rounded.items.repeat_interleave(rounded.how.rows_of_item).unsqueeze(1)); break;
    case Scales::of_row:
    case Scales::of_block: {
        const at::Tensor scale = quotient(largest(blocks_of(numbers, 1, columns), {1, 3}), most).view(scales.sizes());
        scales.copy_(at::where(scale == 0, 1.0f, scale));
    }
    }
    const at::Tensor quotients = numbers / expanded(scales, height, width, 1, columns);
    rounded.codes.narrow(0, 0, height)
        .copy_(code == Code::e4m3 ? at::clamp(quotients, -largest_e4m3, largest_e4m3) : at::clamp(quotients.round(), -128, 127));
    return rounded;
}

Rounded rounded(const at::Tensor &given, Code code, int64_t part, double scale) {
    const at::Tensor x = given.contiguous();
    TORCH_CHECK(x.dim() > 0 && number(x) && part >= 0, "cannot round ", x.sizes(), " of ", x.scalar_type(), " in parts of ", part);
    const int64_t rows = rows_of(x), width = x.size(-1);
    const float most = code == Code::e4m3 ? largest_e4m3 : largest_int8;
    const at::Tensor items = scale <= 0 && part == 0 && rows ? scales_of_items(x, most) : at::Tensor();
    const Rounded result(x, code, rows, width, part, scale, items);
    if (rows == 0) return result;
    if (!is_in_packs(x, 4) || width > longest_rounded_row || rows > most_rows)
        return rounded_by_formula(x.view({rows, width}), code, result);
    C10_CUDA_CHECK(ct::round_rows(x.const_data_ptr(), *number(x), rows, width, code, result.how, result.codes.mutable_data_ptr(),
                                  stream()));
    return result;
}

// Whether a pass that makes such rows can round them too.
bool rounds(const at::Tensor &x, int64_t width, int64_t part, double scale) {
    return x.numel() > 0 && width <= longest_rounded_row && rows_of(x) <= most_rows && (part > 0 || scale > 0);
}

std::tuple<at::Tensor, at::Tensor> e4m3_input(const at::Tensor &x, int64_t part, double scale) {
    const c10::cuda::CUDAGuard guard(x.device());
    return rounded(x, Code::e4m3, part, scale).tensors();
}

std::tuple<at::Tensor, at::Tensor> e4m3_modulated_layer_norm(const at::Tensor &x, const at::Tensor &scale,
                                                             const at::Tensor &shift, double epsilon, at::ScalarType type,
                                                             int64_t part, double fixed) {
    const Modulation modulation = checked_modulation(x, scale, shift);
    const at::Tensor &a = modulation.scale, &b = modulation.shift;
    const c10::cuda::CUDAGuard guard(x.device());
    if (!has_rows(x) || !has_quads(a) || !has_quads(b) || a.scalar_type() != b.scalar_type() ||
        !is_as_wide(a, x.scalar_type()) || !rounds(x, x.size(-1), part, fixed))
        return rounded(formula::modulated_layer_norm(x, modulation, epsilon, type), Code::e4m3, part, fixed).tensors();
    const int64_t rows = rows_of(x), width = x.size(-1);
    const Rounded result(x, Code::e4m3, rows, width, part, fixed);
    C10_CUDA_CHECK(ct::round_modulated(x.const_data_ptr(), *number(x), rows, width, vectors(a, rows), vectors(b, rows),
                                       static_cast<float>(epsilon), result.how, result.codes.mutable_data_ptr(), stream()));
    return result.tensors();
}

// What lies beside rows, if anything does.
Rows beside_or_nothing(const std::optional<at::Tensor> &other) { return other ? rows(*other) : Rows{nullptr, 0, 0, 0}; }

bool fits_beside(const std::optional<at::Tensor> &other) { return !other || is_in_packs(*other, 4); }

std::tuple<at::Tensor, at::Tensor> e4m3_gelu_tanh(const at::Tensor &x, const std::optional<at::Tensor> &other, int64_t part,
                                                  double fixed) {
    TORCH_CHECK(x.dim() == 3, "expected [batch, tokens, width], got ", x.sizes());
    check_swiglu(x, x, other);
    const c10::cuda::CUDAGuard guard(x.device());
    const int64_t width = x.size(2) + (other ? other->size(2) : 0);
    if (!is_in_packs(x, 4) || !fits_beside(other) || !rounds(x, width, part, fixed)) {
        const at::Tensor activated = at::gelu(x, "tanh");
        return rounded(other ? at::cat({*other, activated}, 2) : activated, Code::e4m3, part, fixed).tensors();
    }
    const Rounded result(x, Code::e4m3, rows_of(x), width, part, fixed);
    C10_CUDA_CHECK(ct::round_gelu(beside_or_nothing(other), rows(x), *number(x), x.size(0), x.size(1), result.how,
                                  result.codes.mutable_data_ptr(), stream()));
    return result.tensors();
}

std::tuple<at::Tensor, at::Tensor> e4m3_swiglu(const at::Tensor &gate, const at::Tensor &x, const std::optional<at::Tensor> &other,
                                               int64_t part, double fixed) {
    check_swiglu(gate, x, other);
    const c10::cuda::CUDAGuard guard(x.device());
    const int64_t width = x.size(2) + (other ? other->size(2) : 0);
    if (!is_in_packs(x, 4) || !is_in_packs(gate, 4) || !fits_beside(other) || !rounds(x, width, part, fixed))
        return rounded(formula::swiglu(gate, x, other), Code::e4m3, part, fixed).tensors();
    const Rounded result(x, Code::e4m3, rows_of(x), width, part, fixed);
    C10_CUDA_CHECK(ct::round_swiglu(beside_or_nothing(other), rows(gate), rows(x), *number(x), x.size(0), x.size(1), result.how,
                                    result.codes.mutable_data_ptr(), stream()));
    return result.tensors();
}

at::Tensor rounded_to_e2m1(const at::Tensor &given, double scale) {
    const at::Tensor x = given.contiguous();
    TORCH_CHECK(number(x) && x.dim() > 0 && x.size(-1) % group == 0, "cannot round ", x.sizes(), " of ", x.scalar_type(),
                " in parts of ", group);
    const c10::cuda::CUDAGuard guard(x.device());
    at::Tensor result = at::empty_like(x);
    if (x.numel() == 0) return result;
    const at::Tensor items = scale > 0 ? at::Tensor() : scales_of_items(x, largest_e2m1 * largest_e4m3);
    const int64_t rows = rows_of(x);
    C10_CUDA_CHECK(ct::round_e2m1(x.const_data_ptr(), *number(x), rows, x.size(-1),
                                  items.defined() ? items.const_data_ptr<float>() : nullptr,
                                  items.defined() ? rows / items.numel() : 1, static_cast<float>(scale),
                                  result.mutable_data_ptr(), stream()));
    return result;
}

// --- products

// How a tensor's scales lie, for cuBLAS; it wants those of a weight's blocks in columns of a multiple of four.
struct Recipe {
    at::Tensor scales;
    at::blas::ScalingType kind;
};

Recipe recipe_of_weight(const at::Tensor &weight, const at::Tensor &scales) {
    if (scales.size(0) == weight.size(0) && scales.size(1) == 1) return {scales.t(), at::blas::ScalingType::RowWise};
    const int64_t missing = 4 * parts(scales.size(1), 4) - scales.size(1);
    return {(missing ? at::constant_pad_nd(scales, {0, missing}) : scales).t(), at::blas::ScalingType::BlockWise128x128};
}

// Summing E4M3 the fast way keeps 13 bits of a sum, which long rows would feel.
bool may_sum_fast(int64_t width) { return width <= 4096; }

// x·Wᵀ, and a bias of the result's type, by cuBLAS.
void multiply_into(at::Tensor into, const at::Tensor &codes, const at::Tensor &scales, const at::Tensor &weight,
                   const at::Tensor &weight_scales, const std::optional<at::Tensor> &bias) {
    const Recipe right = recipe_of_weight(weight, weight_scales);
    const bool has_rows = right.kind == at::blas::ScalingType::RowWise;
    const auto left = has_rows ? at::blas::ScalingType::RowWise : at::blas::ScalingType::BlockWise1x128;
    const auto none = static_cast<int64_t>(at::blas::SwizzleType::NO_SWIZZLE);
    // It adds no bias to 32-bit floats.
    const bool is_wide = into.scalar_type() == at::kFloat;
    at::_scaled_mm_v2_out(into, codes, weight.t(), {scales}, {static_cast<int64_t>(left)}, {none}, {right.scales},
                          {static_cast<int64_t>(right.kind)}, {none}, is_wide ? std::nullopt : bias, into.scalar_type(), {},
                          has_rows && may_sum_fast(codes.size(1)));
    if (is_wide && bias) into.add_(*bias);
}

bool has_cublas_sizes(const at::Tensor &weight) {
    return weight.size(0) % 16 == 0 && weight.size(1) % 16 == 0 && weight.numel() > 0 && is_hopper(weight);
}

// x·Wᵀ + b of an input in E4M3, its first `rows` rows.
at::Tensor e4m3_linear(const at::Tensor &codes, const at::Tensor &scales, int64_t rows, const at::Tensor &weight,
                       const at::Tensor &weight_scales, const std::optional<at::Tensor> &bias, at::ScalarType type) {
    TORCH_CHECK(codes.dim() == 2 && weight.dim() == 2 && codes.size(1) == weight.size(1) && rows <= codes.size(0),
                "cannot multiply ", rows, " rows of ", codes.sizes(), " by a weight of ", weight.sizes());
    const c10::cuda::CUDAGuard guard(codes.device());
    if (!has_cublas_sizes(weight) || rows == 0) {
        const int64_t width = codes.size(1), columns = scales.size(1) == 1 ? std::max<int64_t>(1, width) : block;
        const at::Tensor x = widened(codes.narrow(0, 0, rows), scales, 1, columns, type);
        return quantized_linear(x, weight, weight_scales, 1, bias);
    }
    at::Tensor result = at::empty({codes.size(0), weight.size(0)}, codes.options().dtype(type));
    multiply_into(result, codes, scales, weight, weight_scales, bias);
    return result.narrow(0, 0, rows);
}

// The same behind other tokens, [batch, tokens, width].
at::Tensor join_e4m3_linear(const at::Tensor &before, const at::Tensor &codes, const at::Tensor &scales, int64_t rows,
                            const at::Tensor &weight, const at::Tensor &weight_scales, const std::optional<at::Tensor> &bias,
                            at::ScalarType type) {
    TORCH_CHECK(before.dim() == 3 && before.size(0) > 0 && rows % before.size(0) == 0 && before.size(2) == weight.size(0),
                "cannot put a product of ", rows, " rows behind ", before.sizes());
    const int64_t first = before.size(1), count = rows / before.size(0);
    if (before.size(0) > 1 || codes.size(0) != rows || !has_cublas_sizes(weight) || rows == 0) {
        const at::Tensor product = e4m3_linear(codes, scales, rows, weight, weight_scales, bias, type);
        return at::cat({before, product.view({before.size(0), count, weight.size(0)})}, 1);
    }
    const c10::cuda::CUDAGuard guard(codes.device());
    const at::Tensor result = at::empty({1, first + count, weight.size(0)}, before.options());
    result.narrow(1, 0, first).copy_(before);
    multiply_into(result.select(0, 0).narrow(0, first, count), codes, scales, weight, weight_scales, bias);
    return result;
}

// What LibTorch's product of integers asks of sizes on a GPU.
bool has_integer_sizes(int64_t rows, const at::Tensor &codes) {
    return rows > 16 && codes.size(0) % 8 == 0 && codes.size(1) % 8 == 0 && codes.numel() > 0;
}

at::Tensor linear_int8(const at::Tensor &x, const at::Tensor &codes, const at::Tensor &scales, double scale,
                       const std::optional<at::Tensor> &bias) {
    TORCH_CHECK(number(x) && x.dim() > 0 && codes.dim() == 2 && codes.scalar_type() == at::kChar && x.size(-1) == codes.size(1),
                "cannot multiply ", x.sizes(), " of ", x.scalar_type(), " by integers of ", codes.sizes());
    const c10::cuda::CUDAGuard guard(x.device());
    const int64_t rows = rows_of(x), outputs = codes.size(0);
    const Rounded in = rounded(x, Code::int8, std::max<int64_t>(1, x.size(-1)), scale);
    at::DimVector shape(x.sizes());
    shape.back() = outputs;
    if (!has_integer_sizes(rows, codes)) {
        const at::Tensor wide = widened(in.codes, in.scales, 1, std::max<int64_t>(1, x.size(-1)), x.scalar_type());
        return quantized_linear(wide, codes, scales, 1, bias).view(shape);
    }
    const at::Tensor sums = at::_int_mm(in.codes, codes.t()), factors = scales.contiguous();
    const auto offsets = bias ? std::optional<at::Tensor>(bias->to(x.scalar_type()).contiguous()) : std::nullopt;
    at::Tensor result = at::empty(shape, x.options());
    C10_CUDA_CHECK(ct::scale_sums(sums.const_data_ptr<int32_t>(), in.scales.const_data_ptr<float>(),
                                  factors.const_data_ptr<float>(), offsets ? offsets->const_data_ptr() : nullptr, rows, outputs,
                                  result.mutable_data_ptr(), *number(result), stream()));
    return result;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(visualgen, m) {
    // An input in E4M3 for products on a GPU: codes [rows, width] and scales [rows, 1], or [rows, ⌈width / 128⌉] in columns where
    // `part` is 128; there may be up to three rows more than the input has. A scale above 0 is that of all numbers; otherwise
    // `part` numbers share one, or, where that is 0, an item of a batch.
    m.def("e4m3_input(Tensor x, int part, float scale) -> (Tensor, Tensor)");
    // Those of what modulated_layer_norm, GELU by its approximation with tanh, and swiglu make, which is not kept.
    m.def("e4m3_modulated_layer_norm(Tensor x, Tensor scale, Tensor shift, float epsilon, ScalarType dtype, int part, "
          "float fixed) -> (Tensor, Tensor)");
    m.def("e4m3_gelu_tanh(Tensor x, Tensor? beside, int part, float fixed) -> (Tensor, Tensor)");
    m.def("e4m3_swiglu(Tensor gate, Tensor x, Tensor? beside, int part, float fixed) -> (Tensor, Tensor)");
    // Products of such an input's first rows, [rows, outputs], and behind other tokens.
    m.def("e4m3_linear(Tensor codes, Tensor scales, int rows, Tensor weight, Tensor weight_scales, Tensor? bias, "
          "ScalarType dtype) -> Tensor");
    m.def("join_e4m3_linear(Tensor before, Tensor codes, Tensor scales, int rows, Tensor weight, Tensor weight_scales, "
          "Tensor? bias, ScalarType dtype) -> Tensor");
}

TORCH_LIBRARY_IMPL(visualgen, CUDA, m) {
    m.impl("quantize_e4m3", quantize_e4m3);
    m.impl("quantize_int8", quantize_int8);
    m.impl("quantize_e2m1", quantize_e2m1);
    m.impl("largest_magnitude", largest_magnitude);
    m.impl("dequantize", dequantize);
    m.impl("quantized_linear", quantized_linear);
    m.impl("round_e2m1", rounded_to_e2m1);
    m.impl("linear_int8", linear_int8);
    m.impl("e4m3_input", e4m3_input);
    m.impl("e4m3_modulated_layer_norm", e4m3_modulated_layer_norm);
    m.impl("e4m3_gelu_tanh", e4m3_gelu_tanh);
    m.impl("e4m3_swiglu", e4m3_swiglu);
    m.impl("e4m3_linear", e4m3_linear);
    m.impl("join_e4m3_linear", join_e4m3_linear);
}
