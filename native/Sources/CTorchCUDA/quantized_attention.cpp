// `quantized_attention` on a GPU: checks of the arguments, memory for the codes, and the launches of hopper_codes.cu and
// hopper_attention.cu.
#include "heads.h"
#include "hopper_attention.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include <cmath>
#include <limits>
#include <tuple>

using namespace ct;

namespace {

Number number(at::ScalarType type) {
    switch (type) {
    case at::kFloat: return Number::float32;
    case at::kHalf: return Number::float16;
    case at::kBFloat16: return Number::bfloat16;
    default: TORCH_CHECK(false, "quantised attention takes float32, float16 and bfloat16, not ", type);
    }
}

Codes checked_codes(at::ScalarType type) {
    switch (type) {
    case at::kChar: return Codes::int8;
    case at::kFloat8_e4m3fn: return Codes::float8;
    case at::kBFloat16: return Codes::none;
    default:
        TORCH_CHECK(false, "quantised attention makes int8 and float8_e4m3fn of queries and keys, or leaves them, not ", type);
    }
}

void check(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value, const Recipe &recipe) {
    for (const at::Tensor *x : {&query, &key, &value})
        TORCH_CHECK(x->dim() == 4, "expected [batch, heads, tokens, width], got ", x->sizes());
    TORCH_CHECK(key.sizes() == value.sizes(), "keys of ", key.sizes(), " beside values of ", value.sizes());
    TORCH_CHECK(query.size(0) == key.size(0) && query.size(1) == key.size(1) && query.size(3) == key.size(3), "queries of ",
                query.sizes(), " cannot attend to keys of ", key.sizes());
    TORCH_CHECK(query.scalar_type() == key.scalar_type() && query.scalar_type() == value.scalar_type() &&
                    query.device() == key.device() && query.device() == value.device(),
                "queries, keys and values are of different types or devices");
    TORCH_CHECK(query.size(3) <= 128, "quantised attention takes heads of a width of up to 128 on a GPU, not ", query.size(3));
    TORCH_CHECK(recipe.codes == Codes::none || recipe.key_block == 1 || recipe.key_block == 4 || recipe.key_block == 16,
                "1, 4 or 16 keys can share a scale on a GPU, not ", recipe.key_block);
    TORCH_CHECK(std::isfinite(recipe.scale) && recipe.scale > 0, "quantised attention cannot have a scale of ", recipe.scale);
    TORCH_CHECK(query.size(0) * query.size(1) < 65536, "quantised attention takes up to 65535 heads of a batch, not ",
                query.size(0) * query.size(1));
    TORCH_CHECK(query.size(2) <= most_rows && key.size(2) <= most_rows, "quantised attention takes up to ", most_rows,
                " tokens");
    int major = 0;
    C10_CUDA_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, query.device().index()));
    TORCH_CHECK(major == 9, "quantised attention needs a Hopper card (compute capability 9), and this one has ", major);
}

std::tuple<at::Tensor, at::Tensor> quantized_attention(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value,
                                                       double scale, at::ScalarType codes, int64_t key_block,
                                                       bool value_channels) {
    // The kernels take heads of 64 and 128: zeros behind narrower ones change nothing.
    if (query.dim() == 4 && query.size(3) < 128 && query.size(3) != 64) {
        const int64_t width = query.size(3), missing = (width < 64 ? 64 : 128) - width;
        const auto wide = [&](const at::Tensor &x) { return at::constant_pad_nd(x, {0, missing}); };
        const auto [result, lse] = quantized_attention(wide(query), wide(key), wide(value), scale, codes, key_block, value_channels);
        return {result.narrow(3, 0, width), lse};
    }
    const Recipe recipe{checked_codes(codes), key_block, value_channels, static_cast<float>(scale)};
    const Number type = number(query.scalar_type());
    check(query, key, value, recipe);
    const c10::cuda::CUDAGuard guard(query.device());
    const int64_t batch = query.size(0), of_item = query.size(1), tokens = query.size(2), width = query.size(3);
    const int64_t keys = key.size(2);
    // Heads of a token lie together, so that they can be joined without a copy.
    at::Tensor result = at::empty({batch, tokens, of_item, width}, query.options());
    const auto numbers = query.options().dtype(at::kFloat);
    if (keys == 0) {
        const at::Tensor nothing = at::full({batch, of_item, tokens}, -std::numeric_limits<float>::infinity(), numbers);
        return {result.zero_().transpose(1, 2), nothing};
    }
    at::Tensor lse = at::empty({batch, of_item, tokens}, numbers);
    if (lse.numel() == 0) return {result.transpose(1, 2), lse};

    const int64_t all = batch * of_item, query_rows = all * tiles(tokens) * tile, key_rows = all * tiles(keys) * tile;
    const int64_t code_bytes = recipe.codes == Codes::none ? 2 : 1, parts = (keys + keys_of_a_part - 1) / keys_of_a_part;
    const auto bytes = query.options().dtype(at::kByte);
    const at::Tensor query_codes = at::empty({query_rows, width * code_bytes}, bytes);
    const at::Tensor key_codes = at::empty({key_rows, width * code_bytes}, bytes);
    const at::Tensor value_codes = at::empty({key_rows, width}, bytes);
    const at::Tensor query_scales = at::empty({query_rows}, numbers), key_scales = at::empty({key_rows}, numbers);
    const at::Tensor value_scales = at::empty({all, width}, numbers), key_mean = at::empty({all, width}, numbers);
    const at::Tensor sums = at::empty({all, parts, width}, numbers);
    const at::Tensor largest = at::zeros({all, width}, query.options().dtype(at::kInt));
    const auto floats = [](const at::Tensor &x) { return static_cast<float *>(x.mutable_data_ptr()); };
    const Coded coded{query_codes.mutable_data_ptr(), key_codes.mutable_data_ptr(), value_codes.mutable_data_ptr(),
                      floats(query_scales), floats(key_scales), floats(value_scales), floats(key_mean), floats(sums),
                      static_cast<unsigned *>(largest.mutable_data_ptr())};

    const at::Tensor query_rows_of = aligned(query), key_rows_of = aligned(key), value_rows_of = aligned(value);
    const Attended attended{heads(query_rows_of), heads(key_rows_of), heads(value_rows_of), type, batch};
    const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
    C10_CUDA_CHECK(encode(attended, recipe, coded, floats(lse), stream));
    C10_CUDA_CHECK(attend(attended, recipe, coded, result.mutable_data_ptr(), floats(lse), stream));
    return {result.transpose(1, 2), lse};
}

}  // namespace

TORCH_LIBRARY_IMPL(visualgen, CUDA, m) { m.impl("quantized_attention", quantized_attention); }
