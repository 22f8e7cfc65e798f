// Products, convolutions, normalisation and attention of LibTorch.
#pragma once

#include "base.h"

CT_BEGIN

// Products. `ct_linear` is x·Wᵀ + b.
CT_API ct_tensor CT_NULLABLE ct_matmul(ct_tensor a, ct_tensor b);
CT_API ct_tensor CT_NULLABLE ct_linear(ct_tensor x, ct_tensor weight, ct_tensor CT_NULLABLE bias);
// Whether products and convolutions of a type may be made in 32-bit floats on this processor; false for an unknown type.
CT_API bool ct_may_convert_products(ct_dtype dtype);
// The bytes of the largest copy that a product by a weight [outputs, inputs] may make on this processor: of some rows of a weight of
// 16 bits in 32, or of one in few bits in the product's type. 0 where the weight is multiplied as it is.
CT_API int64_t ct_weight_copy_bytes(ct_dtype dtype, int64_t outputs, int64_t inputs, bool is_quantized);
// A line for each choice among kernels that this process has made, with what was measured.
CT_API const char *ct_kernel_choices(void);
CT_API ct_tensor CT_NULLABLE ct_embedding(ct_tensor table, ct_tensor ids);

// Convolutions, with rows of zeros above and below, and columns of zeros on the left and on the right.
CT_API ct_tensor CT_NULLABLE ct_conv2d(ct_tensor x, ct_tensor weight, ct_tensor CT_NULLABLE bias, int64_t stride,
                                       int64_t padding);
// Over [batch, frames, height, width, in] with a weight of [out, frames, height, width, in].
CT_API ct_tensor CT_NULLABLE ct_conv3d(ct_tensor x, ct_tensor weight, ct_tensor CT_NULLABLE bias, int64_t padding);

// Normalisation.
CT_API ct_tensor CT_NULLABLE ct_layer_norm(ct_tensor x, ct_tensor CT_NULLABLE weight, ct_tensor CT_NULLABLE bias,
                                           double epsilon);
CT_API ct_tensor CT_NULLABLE ct_rms_norm(ct_tensor x, ct_tensor CT_NULLABLE weight, double epsilon);
CT_API ct_tensor CT_NULLABLE ct_group_norm(ct_tensor x, int64_t groups, ct_tensor weight, ct_tensor bias,
                                           double epsilon);
CT_API ct_tensor CT_NULLABLE ct_softmax(ct_tensor x, int64_t axis);

// Attention over [batch, heads, tokens, width]; the mask is added to the scores. By LibTorch, or on Hopper by our own kernel where
// that applies, unless LibTorch's is asked for.
CT_API ct_tensor CT_NULLABLE ct_attention(ct_tensor query, ct_tensor key, ct_tensor value, ct_tensor CT_NULLABLE mask,
                                          double scale, bool by_libtorch);
// Which kernel that is, or, where it `gives_sums`, that of attention_part on a GPU: "hopper", "cudnn", "flash", "efficient" or
// "math", and "sdpa" on a CPU.
CT_API const char *ct_attention_kernel(ct_tensor query, ct_tensor key, ct_tensor value, ct_tensor CT_NULLABLE mask, double scale,
                                       bool by_libtorch, bool gives_sums);

CT_END
