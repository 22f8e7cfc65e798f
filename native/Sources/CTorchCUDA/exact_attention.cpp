// `hopper_attention`: which calls its kernel takes, memory for the result, and the launch of hopper_exact_attention.cu.
#include "heads.h"
#include "hopper_exact_attention.h"

#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include <limits>
#include <tuple>

using namespace ct;

namespace {

int attribute(const at::Tensor &of, cudaDeviceAttr what) {
    int value = 0;
    C10_CUDA_CHECK(cudaDeviceGetAttribute(&value, what, of.device().index()));
    return value;
}

bool takes_hopper_attention(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value) {
    const auto has = [&](const at::Tensor &x) {
        return x.dim() == 4 && x.numel() > 0 && x.size(2) <= most_rows && x.scalar_type() == query.scalar_type() &&
               x.device() == query.device() && x.size(0) == query.size(0) && x.size(3) == query.size(3);
    };
    if (!has(query) || !has(key) || !has(value) || key.sizes() != value.sizes() || query.size(1) % key.size(1) != 0) return false;
    return (query.scalar_type() == at::kHalf || query.scalar_type() == at::kBFloat16) &&
           (query.size(3) == 64 || query.size(3) == 128) && query.numel() / query.size(3) <= std::numeric_limits<int>::max() &&
           attribute(query, cudaDevAttrComputeCapabilityMajor) == 9;
}

std::tuple<at::Tensor, at::Tensor> hopper_attention(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value,
                                                    double scale) {
    TORCH_CHECK(takes_hopper_attention(query, key, value), "no attention for Hopper takes queries of ", query.sizes(), ", keys of ",
                key.sizes(), " and values of ", value.sizes(), " in ", query.scalar_type());
    const c10::cuda::CUDAGuard guard(query.device());
    const int64_t batch = query.size(0), of_item = query.size(1), tokens = query.size(2), width = query.size(3);
    // Heads of a token lie together, so that they can be joined without a copy.
    at::Tensor result = at::empty({batch, tokens, of_item, width}, query.options());
    at::Tensor lse = at::empty({batch, of_item, tokens}, query.options().dtype(at::kFloat));
    const at::Tensor query_rows = aligned(query), key_rows = aligned(key), value_rows = aligned(value);
    const Exact exact{heads(query_rows), heads(key_rows), heads(value_rows),
                      query.scalar_type() == at::kHalf ? Number::float16 : Number::bfloat16, batch, static_cast<float>(scale)};
    const int processors = attribute(query, cudaDevAttrMultiProcessorCount);
    const at::Tensor parts = at::empty({numbers_of_parts(exact, processors)}, lse.options());
    C10_CUDA_CHECK(attend(exact, processors, result.mutable_data_ptr(), static_cast<float *>(lse.mutable_data_ptr()),
                          static_cast<float *>(parts.mutable_data_ptr()), c10::cuda::getCurrentCUDAStream()));
    return {result.transpose(1, 2), lse};
}

}  // namespace

TORCH_LIBRARY_IMPL(visualgen, CUDA, m) {
    m.impl("takes_hopper_attention", takes_hopper_attention);
    m.impl("hopper_attention", hopper_attention);
}
