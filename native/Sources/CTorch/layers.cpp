// Products, normalisation, attention, and pictures: one call of LibTorch each.
#include "support.h"

#include <ATen/ops/conv2d.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/upsample_nearest2d.h>

using namespace ct;

ct_tensor ct_matmul(ct_tensor a, ct_tensor b) { return guard([&] { return at::matmul(borrow(a), borrow(b)); }); }

ct_tensor ct_linear(ct_tensor x, ct_tensor weight, ct_tensor bias) {
    return guard([&] { return at::linear(borrow(x), borrow(weight), optional(bias)); });
}

ct_tensor ct_conv2d(ct_tensor x, ct_tensor weight, ct_tensor bias, int64_t stride, int64_t padding) {
    return guard([&] {
        return at::conv2d(borrow(x), borrow(weight), optional(bias), {stride, stride}, {padding, padding});
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

ct_tensor ct_upsample_nearest2d(ct_tensor x, int64_t factor) {
    return guard([&] {
        const at::Tensor &input = borrow(x);
        return at::upsample_nearest2d(input, {input.size(-2) * factor, input.size(-1) * factor});
    });
}
