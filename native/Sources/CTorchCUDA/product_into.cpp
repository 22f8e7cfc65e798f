// `linear_gelu_into`: a product with its GELU, written to some columns of a wider tensor, which LibTorch's operator does not do.
#include "cublas_lt.h"

#include <ATen/core/Tensor.h>
#include <ATen/cuda/CUDAContextLight.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include <memory>

using namespace ct;

namespace {

void check(int status) { TORCH_CHECK(status == 0, "cuBLASLt failed with status ", status); }

template <class Thing, int (*destroy)(Thing *)> struct Owned {
    Thing *thing = nullptr;
    Owned() = default;
    Owned(const Owned &) = delete;
    ~Owned() {
        if (thing) destroy(thing);
    }
};
using Desc = Owned<cublasLtMatmulDescOpaque_t, cublasLtMatmulDescDestroy>;
using Layout = Owned<cublasLtMatrixLayoutOpaque_t, cublasLtMatrixLayoutDestroy>;
using Preference = Owned<cublasLtMatmulPreferenceOpaque_t, cublasLtMatmulPreferenceDestroy>;

// Rows beside each other, which cuBLASLt calls columns.
void describe(Layout &layout, cudaDataType type, const at::Tensor &rows) {
    check(cublasLtMatrixLayoutCreate(&layout.thing, type, rows.size(1), rows.size(0), rows.stride(0)));
}

// Rows [count, width] that may lie in wider ones.
bool has_rows(const at::Tensor &x) { return x.dim() == 2 && x.stride(1) == 1 && x.stride(0) >= x.size(1); }

void linear_gelu_into(at::Tensor &into, const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
    TORCH_CHECK(has_rows(into) && has_rows(x) && has_rows(weight) && bias.dim() == 1 && bias.is_contiguous() &&
                    x.size(1) == weight.size(1) && into.size(0) == x.size(0) && into.size(1) == weight.size(0) &&
                    bias.size(0) == weight.size(0),
                "cannot write a product of ", x.sizes(), " and ", weight.sizes(), " to ", into.sizes());
    const auto type = x.scalar_type();
    TORCH_CHECK((type == at::kHalf || type == at::kBFloat16) && into.scalar_type() == type && weight.scalar_type() == type &&
                    bias.scalar_type() == type,
                "products are written in place in float16 and bfloat16, not ", type);
    if (into.numel() == 0) return;
    const c10::cuda::CUDAGuard guard(x.device());
    const cudaDataType number = type == at::kHalf ? CUDA_R_16F : CUDA_R_16BF;

    Desc desc;
    check(cublasLtMatmulDescCreate(&desc.thing, lt::compute_float32, CUDA_R_32F));
    const auto set = [&](int attribute, const auto &value) {
        check(cublasLtMatmulDescSetAttribute(desc.thing, attribute, &value, sizeof value));
    };
    const void *bias_start = bias.const_data_ptr();
    set(lt::transposes_first, int32_t(1));
    set(lt::epilogue, int32_t(lt::gelu_and_bias));
    set(lt::bias, bias_start);
    Layout weights, inputs, outputs;
    describe(weights, number, weight), describe(inputs, number, x), describe(outputs, number, into);

    const auto handle = reinterpret_cast<cublasLtContext *>(at::cuda::getCurrentCUDABlasLtHandle());
    const size_t bytes = at::cuda::getCUDABlasLtWorkspaceSize();
    Preference preference;
    check(cublasLtMatmulPreferenceCreate(&preference.thing));
    check(cublasLtMatmulPreferenceSetAttribute(preference.thing, lt::most_workspace_bytes, &bytes, sizeof bytes));
    cublasLtMatmulHeuristicResult_t best{};
    int found = 0;
    check(cublasLtMatmulAlgoGetHeuristic(handle, desc.thing, weights.thing, inputs.thing, outputs.thing, outputs.thing,
                                         preference.thing, 1, &best, &found));
    TORCH_CHECK(found, "cuBLASLt has no product of ", x.sizes(), " and ", weight.sizes());
    const float one = 1, nothing = 0;
    void *result = into.mutable_data_ptr();
    check(cublasLtMatmul(handle, desc.thing, &one, weight.const_data_ptr(), weights.thing, x.const_data_ptr(), inputs.thing,
                         &nothing, result, outputs.thing, result, outputs.thing, &best.algo,
                         at::cuda::getCUDABlasLtWorkspace(), bytes, at::cuda::getCurrentCUDAStream()));
}

}  // namespace

TORCH_LIBRARY_IMPL(visualgen, CUDA, m) { m.impl("linear_gelu_into", linear_gelu_into); }
