// Elementwise operations and reductions.
#pragma once

#include "base.h"

CT_BEGIN

// Elementwise, with broadcasting.
CT_API ct_tensor CT_NULLABLE ct_add(ct_tensor a, ct_tensor b);
CT_API ct_tensor CT_NULLABLE ct_sub(ct_tensor a, ct_tensor b);
CT_API ct_tensor CT_NULLABLE ct_mul(ct_tensor a, ct_tensor b);
CT_API ct_tensor CT_NULLABLE ct_div(ct_tensor a, ct_tensor b);
CT_API ct_tensor CT_NULLABLE ct_add_scalar(ct_tensor a, double b);
CT_API ct_tensor CT_NULLABLE ct_mul_scalar(ct_tensor a, double b);
CT_API ct_tensor CT_NULLABLE ct_div_scalar(ct_tensor a, double b);
CT_API ct_tensor CT_NULLABLE ct_rsub_scalar(ct_tensor a, double b);
CT_API ct_tensor CT_NULLABLE ct_reciprocal_scalar(ct_tensor a, double b);
CT_API ct_tensor CT_NULLABLE ct_exp(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_expm1(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_log(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_sqrt(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_sin(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_cos(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_tanh(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_relu(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_gelu(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_abs(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_round(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_clamp(ct_tensor x, double low, double high);

// Reductions.
CT_API ct_tensor CT_NULLABLE ct_sum(ct_tensor x, const int64_t *axes, size_t count, bool keep);
CT_API ct_tensor CT_NULLABLE ct_mean(ct_tensor x, const int64_t *axes, size_t count, bool keep);
CT_API ct_tensor CT_NULLABLE ct_max_all(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_is_finite_all(ct_tensor x);

CT_END
