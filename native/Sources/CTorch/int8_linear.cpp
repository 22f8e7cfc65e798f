// Products of 8-bit integers by oneDNN, where the processor has instructions for them (VNNI, AMX). Their sums are whole
// numbers and exact, so an item of a batch gives the same whatever is beside it. LibTorch's own loop for other processors is
// some twenty times as slow as a product of floats: there the integers are multiplied as such.
#include "few_bits.h"

#include <ATen/cpu/Utils.h>
#include <ATen/ops/_int_mm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <torch/library.h>

#include <vector>

using namespace ct;

namespace {

// Summands of -128 · -128 that 32 bits hold.
constexpr int64_t most_summands = (int64_t{1} << 31) / (128 * 128) - 1;

#define CT_DEFINE_ROWS(T)                                                                                              \
    CT_CLONES void from_sums(const int32_t *sums, float scale, const float *scales, const float *bias, int64_t count,  \
                             T *out) {                                                                                 \
        CT_ANY_ORDER                                                                                                   \
        for (int64_t i = 0; i < count; ++i) store(static_cast<float>(sums[i]) * (scale * scales[i]) + bias[i], out[i]); \
    }
CT_DEFINE_ROWS(float)
CT_DEFINE_ROWS(half)
CT_DEFINE_ROWS(bfloat16)

// x·Wᵀ + b of x rounded to integers on a scale, or on one for each token where that is 0.
at::Tensor linear_int8(const at::Tensor &given, const at::Tensor &codes, const at::Tensor &scales, double scale,
                       const std::optional<at::Tensor> &bias) {
    TORCH_CHECK(has_rows(given) && given.dim() > 0 && codes.is_cpu() && codes.scalar_type() == at::kChar && codes.dim() == 2 &&
                    codes.size(1) == given.size(-1) && codes.size(1) <= most_summands && scales.numel() == codes.size(0),
                "cannot multiply ", given.sizes(), " of ", given.scalar_type(), " by integers of ", codes.sizes(),
                " with scales of ", scales.sizes());
    static const bool multiplies_integers = at::cpu::is_avx512_vnni_supported();
    if (!multiplies_integers) return quantized_linear(round_int8(given, codes.size(1), scale), codes, scales, 1, bias);
    const int64_t width = codes.size(1), outputs = codes.size(0), rows = width ? given.numel() / width : 0;
    at::DimVector shape(given.sizes());
    shape.back() = outputs;
    at::Tensor result = at::empty(shape, given.options());
    if (result.numel() == 0 || rows == 0) return bias ? result.copy_(*bias) : result.zero_();
    const at::Tensor x = given.contiguous(), factors = scales.to(at::kFloat).contiguous();
    const at::Tensor offsets = bias ? bias->to(at::kFloat).contiguous() : at::zeros_like(factors);
    at::Tensor integers = at::empty({rows, width}, codes.options());
    std::vector<float> row_scales(rows);
    dispatch(x, [&](auto type) {
        using T = decltype(type);
        const T *in = numbers<T>(x);
        int8_t *out = static_cast<int8_t *>(integers.mutable_data_ptr());
        parallel_for(0, rows, grain(width), [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row) {
                float &own = row_scales[row];
                own = scale > 0 ? static_cast<float>(scale) : largest_in_row(in + row * width, width) / largest_int8;
                if (own == 0) own = 1;
                to_int8_row(in + row * width, own, width, out + row * width);
            }
        });
    });
    const at::Tensor sums = at::_int_mm(integers, codes.t());
    dispatch(x, [&](auto type) {
        using T = decltype(type);
        const int32_t *in = numbers<int32_t>(sums);
        T *out = static_cast<T *>(result.mutable_data_ptr());
        parallel_for(0, rows, grain(outputs), [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row)
                from_sums(in + row * outputs, row_scales[row], numbers<float>(factors), numbers<float>(offsets), outputs,
                          out + row * outputs);
        });
    });
    return result;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(visualgen, m) {
    // x·Wᵀ + b with integers and a scale for each of their rows; x is rounded to integers on `scale`, or, if that is 0, on one
    // for each token.
    m.def("linear_int8(Tensor x, Tensor codes, Tensor scales, float scale, Tensor? bias) -> Tensor");
}

TORCH_LIBRARY_IMPL(visualgen, CPU, m) { m.impl("linear_int8", linear_int8); }
