// Products, normalisation, attention, and images: calls of LibTorch, by the path that is fast on this processor.
#include "choice.h"
#include "operator_named.h"
#include "packs.h"
#include "products.h"
#include "support.h"
#include "tile_products.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_addmm_activation.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv_transpose2d.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <algorithm>
#include <array>

using namespace ct;

namespace {

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
    const int64_t outputs = weight.size(0), inputs = weight.size(1);
    const int64_t step = narrow_rows_at_once(inputs);
    const at::Tensor rows = x.to(at::kFloat);
    for (int64_t start = 0; start < outputs; start += step) {
        const int64_t count = std::min(step, outputs - start);
        const auto part = [&](const at::Tensor &all) { return all.narrow(0, start, count).to(at::kFloat); };
        const auto part_of_bias = bias ? std::optional<at::Tensor>(part(*bias)) : std::nullopt;
        into.narrow(-1, start, count).copy_(at::linear(rows, part(weight), part_of_bias));
    }
}

at::Tensor onednn_linear(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
    using Linear = at::Tensor(const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &, c10::string_view,
                              c10::List<std::optional<at::Scalar>>, std::optional<c10::string_view>);
    static const auto linear = operator_named<Linear>("mkldnn::_linear_pointwise");
    return linear.call(x.contiguous(), weight, bias, "none", c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

at::Tensor wide_convolution(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
                            at::IntArrayRef strides, at::IntArrayRef paddings) {
    return convolve(x.to(at::kFloat), weight.to(at::kFloat), wide(bias), strides, paddings).to(x.scalar_type());
}

// Whether the processor multiplies a 16-bit type as it is. Without, LibTorch's own products and convolutions are four times
// slower with AVX-512, up to a hundred times without.
bool has_instructions(at::ScalarType type) {
    return type == at::kBFloat16 ? has_avx512_bfloat16() : has_avx512_float16();
}

// How products are made on this processor: by LibTorch's default, of 32-bit floats by oneDNN, of bfloat16 by AMX's tiles, or of
// 16 bits in 32 for want of good instructions.
enum class Product { plain, onednn, tiles, wide };

Product choose_product(at::ScalarType type) {
    const at::Tensor x = at::full({512, 1024}, 0.5, type), weight = at::full({1024, 1024}, 0.25, type);
    const Way plain{"plain", [&] { at::linear(x, weight); }};
    const Way in_32_bits{"wide", [&] { wide_linear(x, weight, std::nullopt, room_for(x, weight.size(0))); }};
    if (type == at::kFloat) {
        if (!has_avx512()) return Product::plain;
        const Way onednn{"onednn", [&] { onednn_linear(x, weight, std::nullopt); }};
        // Between two near each other the bytes of results should not depend on chance.
        return fastest("product", type, {plain, onednn}, 1.25) ? Product::onednn : Product::plain;
    }
    if (type == at::kBFloat16 && has_amx_bfloat16()) {
        const Way tiles{"tiles", [&] { tile_linear_into(room_for(x, weight.size(0)), x, weight, std::nullopt); }};
        const std::array ways = {Product::tiles, Product::plain, Product::wide};
        return ways[fastest("product", type, {tiles, plain, in_32_bits}, 1.05)];
    }
    const std::array ways = {Product::plain, Product::wide};
    if (!has_instructions(type)) {
        fastest("product", type, {in_32_bits}, 1);
        return Product::wide;
    }
    return ways[fastest("product", type, {plain, in_32_bits}, 1.05)];
}

// Whether convolutions of 16-bit floats are made in 32 bits, by one of channels that lie last, as decoders have them.
bool choose_wide_convolution(at::ScalarType type) {
    const at::Tensor x = at::full({1, 128, 32, 32}, 0.5, type).contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor weight = at::full({128, 128, 3, 3}, 0.25, type).contiguous(at::MemoryFormat::ChannelsLast);
    const std::array<int64_t, 2> strides = {1, 1}, paddings = {1, 1};
    const Way plain{"plain", [&] { convolve(x, weight, std::nullopt, strides, paddings); }};
    const Way in_32_bits{"wide", [&] { wide_convolution(x, weight, std::nullopt, strides, paddings); }};
    if (!has_instructions(type)) {
        fastest("convolution", type, {in_32_bits}, 1);
        return true;
    }
    return fastest("convolution", type, {plain, in_32_bits}, 1.05) == 1;
}

// A choice is made when it is first needed, and stands for the process.
template <at::ScalarType type> Product product_for() {
    static const Product chosen = choose_product(type);
    return chosen;
}

template <at::ScalarType type> bool convolution_is_wide() {
    static const bool chosen = choose_wide_convolution(type);
    return chosen;
}

Product product_for(at::ScalarType type) {
    switch (type) {
    case at::kFloat: return product_for<at::kFloat>();
    case at::kHalf: return product_for<at::kHalf>();
    case at::kBFloat16: return product_for<at::kBFloat16>();
    default: return Product::plain;
    }
}

bool convolution_is_wide(const at::Tensor &x) {
    if (!x.is_cpu()) return false;
    switch (x.scalar_type()) {
    case at::kHalf: return convolution_is_wide<at::kHalf>();
    case at::kBFloat16: return convolution_is_wide<at::kBFloat16>();
    default: return false;
    }
}

// How the product of a weight and x is made. One of few rows is bound by memory: with AVX-512 it reads a weight of 16 bits once as
// it is, which is faster than converting it or laying it out.
Product product_for(const at::Tensor &x) {
    if (!x.is_cpu() || x.numel() == 0) return Product::plain;
    const Product chosen = product_for(x.scalar_type());
    return x.scalar_type() != at::kFloat && has_avx512() && has_few_rows(x) ? Product::plain : chosen;
}

// What is done to a product while it is at hand; GELU by its approximation with tanh.
enum class Epilogue { none, gelu_tanh };

// x·Wᵀ + b, and its epilogue.
at::Tensor product(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
                   Epilogue epilogue) {
    // On a GPU GELU is the product's epilogue.
    if (epilogue == Epilogue::gelu_tanh && bias && x.is_cuda() && x.dim() > 1)
        return at::_addmm_activation(*bias, x.flatten(0, -2), weight.t(), 1, 1, true)
            .unflatten(0, x.sizes().slice(0, x.dim() - 1));
    at::Tensor result;
    switch (product_for(x)) {
    case Product::plain: result = at::linear(x, weight, bias); break;
    case Product::onednn: result = onednn_linear(x, weight, bias); break;
    case Product::tiles:
        result = room_for(x, weight.size(0));
        tile_linear_into(result, x, weight, bias);
        break;
    case Product::wide:
        result = room_for(x, weight.size(0));
        wide_linear(x, weight, bias, result);
    }
    if (epilogue == Epilogue::gelu_tanh) gelu_tanh_in_place(result);
    return result;
}

// The same of rows [tokens, in], into a part of a tensor that is there.
void product_into(at::Tensor into, const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
                  Epilogue epilogue) {
    switch (product_for(x)) {
    case Product::plain: at::linear_out(into, x, weight, bias); break;
    case Product::onednn: into.copy_(onednn_linear(x, weight, bias)); break;
    case Product::tiles: tile_linear_into(into, x, weight, bias); break;
    case Product::wide: wide_linear(x, weight, bias, into);
    }
    if (epilogue == Epilogue::gelu_tanh) gelu_tanh_in_place(into);
}

// The products of every item by itself: the libraries choose by the number of rows how they sum, and what comes of an
// item must not depend on how many are beside it.
at::Tensor products_of_items(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
                             Epilogue epilogue) {
    const at::Tensor result = room_for(x, weight.size(0));
    for (int64_t index = 0; index < x.size(0); index++) {
        const auto rows = [&](const at::Tensor &all) {
            return x.dim() == 2 ? all.narrow(0, index, 1) : all.select(0, index);
        };
        product_into(rows(result), rows(x), weight, bias, epilogue);
    }
    return result;
}

at::Tensor convolution(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
                       at::IntArrayRef strides, at::IntArrayRef paddings) {
    return (convolution_is_wide(x) ? wide_convolution : convolve)(x, weight, bias, strides, paddings);
}

// A convolution of 3 by 3 over an image in which every pixel stands four times reads each pixel with sums of weights. This
// is their kernel for a transposed convolution of stride 2 over the image itself, which multiplies four times where the
// other multiplies nine times: along each axis [c, b + c, a + b, a] of [a, b, c].
at::Tensor doubling_kernel(const at::Tensor &weight) {
    at::Tensor kernel = weight.flip({2, 3});
    kernel = at::constant_pad_nd(kernel, {0, 0, 0, 1}) + at::constant_pad_nd(kernel, {0, 0, 1, 0});
    kernel = at::constant_pad_nd(kernel, {0, 1}) + at::constant_pad_nd(kernel, {1, 0});
    return kernel.transpose(0, 1).contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor layer(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
                 Epilogue epilogue) {
    return (holds_items(x) ? products_of_items : product)(x, weight, bias, epilogue);
}

at::Tensor linear_gelu(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
    return layer(x, weight, bias, Epilogue::gelu_tanh);
}

// Between rows that do not lie together, LibTorch's kernel copies a number at a time: pieces of 16 bytes take half as long.
void copy_rows(const at::Tensor &into, const at::Tensor &from) {
    const int64_t numbers = 16 / into.element_size();
    const bool has_pieces = into.is_cuda() && into.scalar_type() == from.scalar_type() && has_packed_rows(into, numbers) &&
                            has_packed_rows(from, numbers);
    const auto pieces = [&](const at::Tensor &x) { return has_pieces ? x.view(at::kComplexDouble) : x; };
    pieces(into).copy_(pieces(from));
}

at::Tensor join_linear_gelu(const at::Tensor &beside, const at::Tensor &x, const at::Tensor &weight,
                            const std::optional<at::Tensor> &bias) {
    TORCH_CHECK(x.dim() == 3 && beside.dim() == 3, "expected [batch, tokens, width], got ", beside.sizes(), " and ", x.sizes());
    const bool is_in_place = x.is_cpu() || (bias && x.scalar_type() != at::kFloat && x.is_contiguous() && weight.is_contiguous());
    if (!is_in_place) return at::cat({beside, product(x, weight, bias, Epilogue::gelu_tanh)}, 2);
    const int64_t width = beside.size(2);
    const at::Tensor result = room_for(x, width + weight.size(0));
    copy_rows(result.narrow(2, 0, width), beside);
    if (x.is_cuda()) {
        using Write = void(at::Tensor &, const at::Tensor &, const at::Tensor &, const at::Tensor &);
        static const auto write = operator_named<Write>("visualgen::linear_gelu_into");
        at::Tensor into = result.flatten(0, 1).narrow(1, width, weight.size(0));
        write.call(into, x.flatten(0, 1), weight, *bias);
        return result;
    }
    for (int64_t item = 0; item < x.size(0); item++)
        product_into(result.select(0, item).narrow(1, width, weight.size(0)), x.select(0, item), weight, bias,
                     Epilogue::gelu_tanh);
    return result;
}

at::Tensor join_linear(const at::Tensor &before, const at::Tensor &x, const at::Tensor &weight,
                       const std::optional<at::Tensor> &bias) {
    TORCH_CHECK(x.dim() == 3 && before.dim() == 3 && before.size(0) == x.size(0) && before.size(2) == weight.size(0),
                "cannot put a product of ", x.sizes(), " behind ", before.sizes());
    const int64_t first = before.size(1), count = x.size(1);
    const at::Tensor result = at::empty({x.size(0), first + count, weight.size(0)}, x.options());
    result.narrow(1, 0, first).copy_(before);
    for (int64_t item = 0; item < x.size(0); item++)
        product_into(result.select(0, item).narrow(0, first, count), x.select(0, item), weight, bias, Epilogue::none);
    return result;
}

// An image at double its size, in which every pixel stands four times.
at::Tensor doubled(const at::Tensor &x) {
    // LibTorch's kernel for channels that lie last takes ten times as long as a copy.
    if (!x.is_cuda() || x.is_contiguous() || !x.is_contiguous(at::MemoryFormat::ChannelsLast))
        return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
    const int64_t batch = x.size(0), channels = x.size(1), height = x.size(2), width = x.size(3);
    return x.permute({0, 2, 3, 1})
        .view({batch, height, 1, width, 1, channels})
        .expand({batch, height, 2, width, 2, channels})
        .reshape({batch, 2 * height, 2 * width, channels})
        .permute({0, 3, 1, 2});
}

at::Tensor doubled_conv2d(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
    TORCH_CHECK(x.dim() == 4 && weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3,
                "expected [batch, channels, height, width] and a kernel of 3 by 3, got ", x.sizes(), " and ", weight.sizes());
    // Sums of weights would lose digits in 16 bits.
    if (x.is_cpu() && (x.scalar_type() == at::kFloat || convolution_is_wide(x))) {
        const std::array<int64_t, 2> strides = {2, 2}, cut = {1, 1};
        return at::conv_transpose2d(x.to(at::kFloat), doubling_kernel(weight.to(at::kFloat)), wide(bias), strides, cut)
            .to(x.scalar_type());
    }
    const std::array<int64_t, 2> strides = {1, 1}, paddings = {1, 1};
    return convolution(doubled(x), weight, bias, strides, paddings);
}

}  // namespace

bool ct::has_wide_products(at::ScalarType type) { return product_for(type) == Product::wide; }

void ct::linear_into(const at::Tensor &into, const at::Tensor &x, const at::Tensor &weight,
                     const std::optional<at::Tensor> &bias) {
    product_into(into, x, weight, bias, Epilogue::none);
}

bool ct::holds_items(const at::Tensor &x) {
    return x.is_cpu() && x.size(0) > 1 && (x.dim() == 3 || (x.dim() == 2 && has_few_rows(x)));
}

TORCH_LIBRARY_FRAGMENT(visualgen, m) {
    // x·Wᵀ + b, and GELU by its approximation with tanh, without a second tensor.
    m.def("linear_gelu(Tensor x, Tensor weight, Tensor? bias) -> Tensor");
    // [beside, linear_gelu(x)] along the last axis, of tensors [batch, tokens, width].
    m.def("join_linear_gelu(Tensor beside, Tensor x, Tensor weight, Tensor? bias) -> Tensor");
    // linear_gelu of rows [tokens, in], into columns of a wider tensor on a GPU.
    m.def("linear_gelu_into(Tensor(a!) into, Tensor x, Tensor weight, Tensor bias) -> ()");
    // [before, x·Wᵀ + b] along the tokens, of tensors [batch, tokens, width].
    m.def("join_linear(Tensor before, Tensor x, Tensor weight, Tensor? bias) -> Tensor");
    // A kernel of 3 by 3, with zeros at the edges, over an image at double its size: every pixel stands there four times.
    m.def("doubled_conv2d(Tensor x, Tensor weight, Tensor? bias) -> Tensor");
}

TORCH_LIBRARY_IMPL(visualgen, CompositeExplicitAutograd, m) {
    m.impl("linear_gelu", linear_gelu);
    m.impl("join_linear_gelu", join_linear_gelu);
    m.impl("join_linear", join_linear);
    m.impl("doubled_conv2d", doubled_conv2d);
}

bool ct_may_convert_products(ct_dtype dtype) {
    return run(
        [&] {
            const at::ScalarType type = scalar_type(dtype);
            return (type == at::kBFloat16 && !has_amx_bfloat16()) || type == at::kHalf;
        },
        false);
}

int64_t ct_weight_copy_bytes(ct_dtype dtype, int64_t outputs, int64_t inputs, bool is_quantized) {
    return run(
        [&]() -> int64_t {
            const bool is_wide = ct_may_convert_products(dtype);
            if (!is_wide && !is_quantized) return 0;
            const int64_t rows = is_quantized ? quantized_rows_at_once(inputs) : narrow_rows_at_once(inputs);
            const auto size = static_cast<int64_t>(c10::elementSize(is_wide ? at::kFloat : scalar_type(dtype)));
            return std::min(rows, outputs) * inputs * size;
        },
        int64_t{0});
}

ct_tensor ct_matmul(ct_tensor a, ct_tensor b) { return guard([&] { return at::matmul(borrow(a), borrow(b)); }); }

ct_tensor ct_linear(ct_tensor x, ct_tensor weight, ct_tensor bias) {
    return guard([&] { return layer(borrow(x), borrow(weight), optional(bias), Epilogue::none); });
}

ct_tensor ct_conv2d(ct_tensor x, ct_tensor weight, ct_tensor bias, int64_t stride, int64_t padding) {
    return guard([&] {
        const std::array<int64_t, 2> strides = {stride, stride}, paddings = {padding, padding};
        return convolution(borrow(x), borrow(weight), optional(bias), strides, paddings);
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
        const at::Tensor result = convolution(input, window, optional(bias), strides, paddings);
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
