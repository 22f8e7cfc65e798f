// Products, normalisation, attention, and pictures: calls of LibTorch, by the path that is fast on this processor.
#include "support.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/_addmm_activation.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv3d.h>
#include <ATen/ops/conv_transpose2d.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/upsample_nearest2d.h>

#include <algorithm>
#include <array>

using namespace ct;

namespace {

// Whether products of 16-bit floats go to 32 bits and back, for want of instructions that multiply them: LibTorch's own
// are four times slower with AVX-512, up to a hundred times without, and no more exact.
bool computes_wide(at::ScalarType type) {
#if defined(__x86_64__)
    static const bool bfloat16 = has_avx512_bfloat16();
    static const bool half = has_avx512() && __builtin_cpu_supports("avx512fp16");
#else
    constexpr bool bfloat16 = false, half = false;
#endif
    return (type == at::kBFloat16 && !bfloat16) || (type == at::kHalf && !half);
}

bool computes_wide(const at::Tensor &x) { return x.is_cpu() && computes_wide(x.scalar_type()); }

// A product of few rows is bound by memory: with AVX-512, reading the weights once is faster than converting them.
bool has_few_rows(const at::Tensor &x) { return x.numel() <= 16 * x.size(-1); }

std::optional<at::Tensor> wide(const std::optional<at::Tensor> &x) {
    return x ? std::optional<at::Tensor>(x->to(at::kFloat)) : std::nullopt;
}

// Room for what a layer makes of x: its shape with another width.
at::Tensor room_for(const at::Tensor &x, int64_t width) {
    at::DimVector shape(x.sizes());
    shape.back() = width;
    return at::empty(shape, x.options());
}

// A product of 16-bit floats in 32 bits, some outputs at a time, so that no copy of the whole weight is made.
void wide_linear(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias, const at::Tensor &into) {
    constexpr int64_t weights_at_once = 1 << 23;
    const int64_t outputs = weight.size(0), inputs = weight.size(1);
    const int64_t step = std::max<int64_t>(256, weights_at_once / std::max<int64_t>(1, inputs));
    const at::Tensor rows = x.to(at::kFloat);
    for (int64_t start = 0; start < outputs; start += step) {
        const int64_t count = std::min(step, outputs - start);
        const auto part = [&](const at::Tensor &all) { return all.narrow(0, start, count).to(at::kFloat); };
        const auto part_of_bias = bias ? std::optional<at::Tensor>(part(*bias)) : std::nullopt;
        into.narrow(-1, start, count).copy_(at::linear(rows, part(weight), part_of_bias));
    }
}

// Whether a product goes to 32 bits.
bool goes_wide(const at::Tensor &x) { return computes_wide(x) && !(has_avx512() && has_few_rows(x)); }

// Whether a product goes to oneDNN by name: one of packed weights, and one of 32-bit floats on AMD's processors, where oneDNN
// uses AVX-512 and LibTorch's default library keeps to AVX2. Elsewhere the default is as fast or faster.
bool goes_to_onednn(const at::Tensor &x, const at::Tensor &weight) {
#if defined(__x86_64__)
    static const bool is_faster = has_avx512() && __builtin_cpu_is("amd");
#else
    constexpr bool is_faster = false;
#endif
    return weight.is_mkldnn() || (is_faster && x.is_cpu() && x.scalar_type() == at::kFloat && x.size(-1) > 0);
}

// The operators of LibTorch that have no function of their own in C++.
template <class Function> auto operator_named(const char *name) {
    return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Function>();
}

at::Tensor onednn_linear(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
    using Linear = at::Tensor(const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &, c10::string_view,
                              c10::List<std::optional<at::Scalar>>, std::optional<c10::string_view>);
    static const auto linear = operator_named<Linear>("mkldnn::_linear_pointwise");
    return linear.call(x.contiguous(), weight, bias, "none", c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

// x·Wᵀ + b, and GELU by its approximation with tanh if there is one.
at::Tensor product(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias, bool has_gelu) {
    // On a GPU GELU is the product's epilogue.
    if (has_gelu && bias && x.is_cuda() && x.dim() > 1)
        return at::_addmm_activation(*bias, x.flatten(0, -2), weight.t(), 1, 1, true)
            .unflatten(0, x.sizes().slice(0, x.dim() - 1));
    at::Tensor result;
    if (goes_to_onednn(x, weight)) {
        result = onednn_linear(x, weight, bias);
    } else if (goes_wide(x)) {
        result = room_for(x, weight.size(0));
        wide_linear(x, weight, bias, result);
    } else {
        result = at::linear(x, weight, bias);
    }
    if (has_gelu) gelu_tanh_in_place(result);
    return result;
}

// The same of rows [tokens, in] on the CPU, into a part of the columns of a tensor that is there.
void product_into(at::Tensor into, const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
                  bool has_gelu) {
    if (goes_to_onednn(x, weight))
        into.copy_(onednn_linear(x, weight, bias));
    else if (goes_wide(x))
        wide_linear(x, weight, bias, into);
    else
        at::linear_out(into, x, weight, bias);
    if (has_gelu) gelu_tanh_in_place(into);
}

// Whether the first axis counts the items of a batch.
bool holds_items(const at::Tensor &x) {
    return x.is_cpu() && x.size(0) > 1 && (x.dim() == 3 || (x.dim() == 2 && has_few_rows(x)));
}

// The products of every item by itself: the libraries choose by the number of rows how they sum, and what comes of an
// item must not depend on how many are beside it.
at::Tensor products_of_items(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
                             bool has_gelu) {
    const at::Tensor result = room_for(x, weight.size(0));
    for (int64_t index = 0; index < x.size(0); index++) {
        const auto rows = [&](const at::Tensor &all) {
            return x.dim() == 2 ? all.narrow(0, index, 1) : all.select(0, index);
        };
        product_into(rows(result), rows(x), weight, bias, has_gelu);
    }
    return result;
}

at::Tensor convolution(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias, int64_t stride,
                       int64_t padding) {
    const std::array<int64_t, 2> strides = {stride, stride}, paddings = {padding, padding};
    if (computes_wide(x))
        return at::conv2d(x.to(at::kFloat), weight.to(at::kFloat), wide(bias), strides, paddings).to(x.scalar_type());
    return at::conv2d(x, weight, bias, strides, paddings);
}

// A convolution of 3 by 3 over a picture in which every pixel stands four times reads each pixel with sums of weights. This
// is their kernel for a transposed convolution of stride 2 over the picture itself, which multiplies four times where the
// other multiplies nine times: along each axis [c, b + c, a + b, a] of [a, b, c].
at::Tensor doubling_kernel(const at::Tensor &weight) {
    at::Tensor kernel = weight.flip({2, 3});
    kernel = at::constant_pad_nd(kernel, {0, 0, 0, 1}) + at::constant_pad_nd(kernel, {0, 0, 1, 0});
    kernel = at::constant_pad_nd(kernel, {0, 1}) + at::constant_pad_nd(kernel, {1, 0});
    return kernel.transpose(0, 1).contiguous(at::MemoryFormat::ChannelsLast);
}

ct_tensor linear(ct_tensor x, ct_tensor weight, ct_tensor bias, bool has_gelu) {
    return guard([&] {
        const auto products = holds_items(borrow(x)) ? products_of_items : product;
        return products(borrow(x), borrow(weight), optional(bias), has_gelu);
    });
}

}  // namespace

bool ct_converts_products(ct_dtype dtype) { return computes_wide(scalar_type(dtype)); }

bool ct_packs_linear_weights(ct_dtype dtype) { return dtype == CT_BFLOAT16 && has_amx_bfloat16(); }

ct_tensor ct_pack_linear_weight(ct_tensor weight) {
    return guard([&] {
        using Pack = at::Tensor(const at::Tensor &, std::optional<c10::SymInt>);
        static const auto pack = operator_named<Pack>("mkldnn::_reorder_linear_weight");
        // The number of rows that are expected.
        return pack.call(borrow(weight), 1024);
    });
}

ct_tensor ct_matmul(ct_tensor a, ct_tensor b) { return guard([&] { return at::matmul(borrow(a), borrow(b)); }); }

ct_tensor ct_linear(ct_tensor x, ct_tensor weight, ct_tensor bias) { return linear(x, weight, bias, false); }

ct_tensor ct_linear_gelu(ct_tensor x, ct_tensor weight, ct_tensor bias) { return linear(x, weight, bias, true); }

ct_tensor ct_join_linear_gelu(ct_tensor beside, ct_tensor x, ct_tensor weight, ct_tensor bias) {
    return guard([&] {
        const at::Tensor &left = borrow(beside), &input = borrow(x), &matrix = borrow(weight);
        TORCH_CHECK(input.dim() == 3 && left.dim() == 3, "expected [batch, tokens, width], got ", left.sizes(), " and ",
                    input.sizes());
        if (!input.is_cpu()) return at::cat({left, product(input, matrix, optional(bias), true)}, 2);
        const int64_t width = left.size(2);
        const at::Tensor result = room_for(input, width + matrix.size(0));
        result.narrow(2, 0, width).copy_(left);
        for (int64_t item = 0; item < input.size(0); item++)
            product_into(result.select(0, item).narrow(1, width, matrix.size(0)), input.select(0, item), matrix, optional(bias),
                         true);
        return result;
    });
}

ct_tensor ct_conv2d(ct_tensor x, ct_tensor weight, ct_tensor bias, int64_t stride, int64_t padding) {
    return guard([&] { return convolution(borrow(x), borrow(weight), optional(bias), stride, padding); });
}

ct_tensor ct_doubled_conv2d(ct_tensor x, ct_tensor weight, ct_tensor bias) {
    return guard([&] {
        const at::Tensor &input = borrow(x), &kernel = borrow(weight);
        TORCH_CHECK(input.dim() == 4 && kernel.dim() == 4 && kernel.size(2) == 3 && kernel.size(3) == 3,
                    "expected [batch, channels, height, width] and a kernel of 3 by 3, got ", input.sizes(), " and ",
                    kernel.sizes());
        // Sums of weights would lose digits in 16 bits.
        if (input.is_cpu() && (input.scalar_type() == at::kFloat || computes_wide(input)))
            return at::conv_transpose2d(input.to(at::kFloat), doubling_kernel(kernel.to(at::kFloat)), wide(optional(bias)), 2, 1)
                .to(input.scalar_type());
        const at::Tensor large = at::upsample_nearest2d(input, {2 * input.size(2), 2 * input.size(3)});
        return convolution(large, kernel, optional(bias), 1, 1);
    });
}

ct_tensor ct_conv3d(ct_tensor x, ct_tensor weight, ct_tensor bias, int64_t padding) {
    return guard([&] {
        const at::Tensor &pixels = borrow(x), &kernel = borrow(weight);
        TORCH_CHECK(pixels.dim() == 5 && kernel.dim() == 5, "expected [batch, frames, height, width, channels], got ",
                    pixels.sizes(), " and a kernel of ", kernel.sizes());
        // Views whose strides tell LibTorch that channels lie last.
        const at::Tensor input = pixels.permute({0, 4, 1, 2, 3}), window = kernel.permute({0, 4, 1, 2, 3});
        const std::array<int64_t, 3> strides = {1, 1, 1}, paddings = {0, padding, padding};
        const at::Tensor result =
            computes_wide(input) ? at::conv3d(input.to(at::kFloat), window.to(at::kFloat), wide(optional(bias)), strides,
                                              paddings)
                                       .to(input.scalar_type())
                                 : at::conv3d(input, window, optional(bias), strides, paddings);
        return result.permute({0, 2, 3, 4, 1}).contiguous();
    });
}

ct_tensor ct_embedding(ct_tensor table, ct_tensor ids) {
    return guard([&] { return at::embedding(borrow(table), borrow(ids)); });
}

ct_tensor ct_layer_norm(ct_tensor x, ct_tensor weight, ct_tensor bias, double epsilon) {
    return guard([&] {
        const at::Tensor &input = borrow(x);
        return at::layer_norm(input, {input.size(-1)}, optional(weight), optional(bias), epsilon);
    });
}

ct_tensor ct_rms_norm(ct_tensor x, ct_tensor weight, double epsilon) {
    return guard([&] {
        const at::Tensor &input = borrow(x);
        return at::rms_norm(input, {input.size(-1)}, optional(weight), epsilon);
    });
}

ct_tensor ct_group_norm(ct_tensor x, int64_t groups, ct_tensor weight, ct_tensor bias, double epsilon) {
    return guard([&] { return at::group_norm(borrow(x), groups, borrow(weight), borrow(bias), epsilon); });
}

ct_tensor ct_softmax(ct_tensor x, int64_t axis) { return guard([&] { return at::softmax(borrow(x), axis); }); }

ct_tensor ct_attention(ct_tensor query, ct_tensor key, ct_tensor value, ct_tensor mask, double scale) {
    return guard([&] {
        return at::scaled_dot_product_attention(borrow(query), borrow(key), borrow(value), optional(mask), 0.0, false,
                                                scale);
    });
}
