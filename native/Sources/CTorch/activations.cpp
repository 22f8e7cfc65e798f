// Activations as loops of our own on the CPU: LibTorch's GELU took 8 % of the time of the product before it.
// Elsewhere, and for other types, LibTorch's operations.
#include "rows.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <torch/library.h>

using namespace ct;

namespace {

struct Silu {
    CT_INLINE float operator()(float x) const { return gated(x, x); }
};

struct QuickGelu {
    CT_INLINE float operator()(float x) const { return gated(x, 1.702f * x); }
};

// x (1 + tanh u) / 2 is x times the logistic function of 2u.
struct GeluTanh {
    CT_INLINE float operator()(float x) const { return gated(x, 1.5957691216057308f * (x + 0.044715f * x * x * x)); }
};

template <class T, class Function> CT_INLINE void map_row(Function function, const T *in, int64_t count, T *out) {
    CT_ANY_ORDER
    for (int64_t i = 0; i < count; ++i) store(function(load(in[i])), out[i]);
}

#define CT_DEFINE_MAP(Function, T)                                                                                     \
    CT_CLONES void map(Function function, const T *in, int64_t count, T *out) { map_row(function, in, count, out); }
#define CT_DEFINE_MAPS(Function)                                                                                       \
    CT_DEFINE_MAP(Function, float) CT_DEFINE_MAP(Function, half) CT_DEFINE_MAP(Function, bfloat16)
CT_DEFINE_MAPS(Silu)
CT_DEFINE_MAPS(QuickGelu)
CT_DEFINE_MAPS(GeluTanh)

// Whether the numbers lie without gaps, in whatever order of axes: then the result can lie in the same order.
bool is_dense(const at::Tensor &x) { return x.is_non_overlapping_and_dense(); }

// The result may be the input itself.
template <class Function> void map_into(Function function, const at::Tensor &x, const at::Tensor &result) {
    dispatch(x, [&](auto type) {
        using T = decltype(type);
        const T *in = numbers<T>(x);
        T *out = static_cast<T *>(result.mutable_data_ptr());
        parallel_for(0, x.numel(), 16384,
                     [&](int64_t begin, int64_t end) { map(function, in + begin, end - begin, out + begin); });
    });
}

template <class Function> at::Tensor mapped(Function function, const at::Tensor &x) {
    at::Tensor result = at::empty_like(x);
    map_into(function, x, result);
    return result;
}

bool is_mappable(const at::Tensor &x) { return has_rows(x) && is_dense(x); }

at::Tensor silu(const at::Tensor &x) { return is_mappable(x) ? mapped(Silu{}, x) : at::silu(x); }

at::Tensor quick_gelu(const at::Tensor &x) {
    return is_mappable(x) ? mapped(QuickGelu{}, x) : at::mul(at::sigmoid(at::mul(x, 1.702)), x);
}

at::Tensor gelu_tanh(const at::Tensor &x) { return is_mappable(x) ? mapped(GeluTanh{}, x) : at::gelu(x, "tanh"); }

}  // namespace

void ct::gelu_tanh_in_place(at::Tensor &x) {
    if (is_mappable(x)) return map_into(GeluTanh{}, x, x);
    if (!has_rows(x) || x.dim() != 2 || x.stride(1) != 1) {
        at::gelu_(x, "tanh");
        return;
    }
    // Some columns of a larger tensor.
    const int64_t width = x.size(1), stride = x.stride(0);
    dispatch(x, [&](auto type) {
        auto *row = static_cast<decltype(type) *>(x.mutable_data_ptr());
        parallel_for(0, x.size(0), grain(width), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) map(GeluTanh{}, row + i * stride, width, row + i * stride);
        });
    });
}

TORCH_LIBRARY_FRAGMENT(visualgen, m) {
    // x times the logistic function of x.
    m.def("silu(Tensor x) -> Tensor");
    // x times the logistic function of 1.702 x.
    m.def("quick_gelu(Tensor x) -> Tensor");
    // GELU by its approximation with tanh.
    m.def("gelu_tanh(Tensor x) -> Tensor");
}

TORCH_LIBRARY_IMPL(visualgen, CompositeExplicitAutograd, m) {
    m.impl("silu", silu);
    m.impl("quick_gelu", quick_gelu);
    m.impl("gelu_tanh", gelu_tanh);
}
