// Elementwise operations and reductions.
#include "support.h"

#include <ATen/ops/abs.h>
#include <ATen/ops/add.h>
#include <ATen/ops/all.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/div.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/log.h>
#include <ATen/ops/max.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/reciprocal.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/round.h>
#include <ATen/ops/rsub.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tanh.h>

using namespace ct;

ct_tensor ct_add(ct_tensor a, ct_tensor b) { return guard([&] { return at::add(borrow(a), borrow(b)); }); }
ct_tensor ct_sub(ct_tensor a, ct_tensor b) { return guard([&] { return at::sub(borrow(a), borrow(b)); }); }
ct_tensor ct_mul(ct_tensor a, ct_tensor b) { return guard([&] { return at::mul(borrow(a), borrow(b)); }); }
ct_tensor ct_div(ct_tensor a, ct_tensor b) { return guard([&] { return at::div(borrow(a), borrow(b)); }); }

ct_tensor ct_add_scalar(ct_tensor a, double b) { return guard([&] { return at::add(borrow(a), b); }); }
ct_tensor ct_mul_scalar(ct_tensor a, double b) { return guard([&] { return at::mul(borrow(a), b); }); }
ct_tensor ct_div_scalar(ct_tensor a, double b) { return guard([&] { return at::div(borrow(a), b); }); }
ct_tensor ct_rsub_scalar(ct_tensor a, double b) { return guard([&] { return at::rsub(borrow(a), b); }); }
ct_tensor ct_reciprocal_scalar(ct_tensor a, double b) {
    return guard([&] { return at::mul(at::reciprocal(borrow(a)), b); });
}

ct_tensor ct_exp(ct_tensor x) { return guard([&] { return at::exp(borrow(x)); }); }
ct_tensor ct_expm1(ct_tensor x) { return guard([&] { return at::expm1(borrow(x)); }); }
ct_tensor ct_log(ct_tensor x) { return guard([&] { return at::log(borrow(x)); }); }
ct_tensor ct_sqrt(ct_tensor x) { return guard([&] { return at::sqrt(borrow(x)); }); }
ct_tensor ct_sin(ct_tensor x) { return guard([&] { return at::sin(borrow(x)); }); }
ct_tensor ct_cos(ct_tensor x) { return guard([&] { return at::cos(borrow(x)); }); }
ct_tensor ct_tanh(ct_tensor x) { return guard([&] { return at::tanh(borrow(x)); }); }
ct_tensor ct_relu(ct_tensor x) { return guard([&] { return at::relu(borrow(x)); }); }
ct_tensor ct_gelu(ct_tensor x) { return guard([&] { return at::gelu(borrow(x)); }); }
ct_tensor ct_abs(ct_tensor x) { return guard([&] { return at::abs(borrow(x)); }); }
ct_tensor ct_round(ct_tensor x) { return guard([&] { return at::round(borrow(x)); }); }

ct_tensor ct_clamp(ct_tensor x, double low, double high) {
    return guard([&] { return at::clamp(borrow(x), low, high); });
}

ct_tensor ct_sum(ct_tensor x, const int64_t *axes, size_t count, bool keep) {
    return guard([&] { return at::sum(borrow(x), sizes(axes, count), keep); });
}

ct_tensor ct_mean(ct_tensor x, const int64_t *axes, size_t count, bool keep) {
    return guard([&] { return at::mean(borrow(x), sizes(axes, count), keep); });
}

ct_tensor ct_max_all(ct_tensor x) { return guard([&] { return at::max(borrow(x)); }); }
ct_tensor ct_is_finite_all(ct_tensor x) { return guard([&] { return at::all(at::isfinite(borrow(x))); }); }
