// Convolutions over time, of waves and spectrograms, and what stands between them.
#include "support.h"

#include <ATen/ops/conv1d.h>
#include <ATen/ops/conv_transpose1d.h>
#include <ATen/ops/leaky_relu.h>
#include <torch/library.h>

using namespace ct;

namespace {

// 16-bit floats as 32 on the CPU, most of whose processors do not multiply them: sound is small.
at::Tensor computable(const at::Tensor &x) {
    return x.is_cpu() && at::isReducedFloatingType(x.scalar_type()) ? x.to(at::kFloat) : x;
}

std::optional<at::Tensor> computable(const std::optional<at::Tensor> &x) {
    return x ? std::optional<at::Tensor>(computable(*x)) : std::nullopt;
}

at::Tensor conv1d(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias, int64_t stride,
                  int64_t dilation, int64_t padding) {
    return at::conv1d(computable(x), computable(weight), computable(bias), stride, padding, dilation).to(x.scalar_type());
}

at::Tensor conv_transpose1d(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
                            int64_t stride, int64_t padding) {
    return at::conv_transpose1d(computable(x), computable(weight), computable(bias), stride, padding).to(x.scalar_type());
}

at::Tensor leaky_relu(const at::Tensor &x, double slope) { return at::leaky_relu(x, slope); }

}  // namespace

TORCH_LIBRARY_FRAGMENT(visualgen, m) {
    // Of [batch, channels, length] with a weight [out, in, kernel], and zeros at both ends.
    m.def("conv1d(Tensor x, Tensor weight, Tensor? bias, int stride, int dilation, int padding) -> Tensor");
    // Its transpose, with a weight [in, out, kernel], and as much as `padding` less at both ends.
    m.def("conv_transpose1d(Tensor x, Tensor weight, Tensor? bias, int stride, int padding) -> Tensor");
    // x, or slope * x where x is negative.
    m.def("leaky_relu(Tensor x, float slope) -> Tensor");
}

TORCH_LIBRARY_IMPL(visualgen, CompositeExplicitAutograd, m) {
    m.impl("conv1d", conv1d);
    m.impl("conv_transpose1d", conv_transpose1d);
    m.impl("leaky_relu", leaky_relu);
}
