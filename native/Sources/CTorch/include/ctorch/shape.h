// Shape. Views where strides allow; `ct_reshape` copies when they do not.
#pragma once

#include "base.h"

CT_BEGIN

CT_API ct_tensor CT_NULLABLE ct_reshape(ct_tensor x, const int64_t *sizes, size_t rank);
CT_API ct_tensor CT_NULLABLE ct_permute(ct_tensor x, const int64_t *axes, size_t rank);
CT_API ct_tensor CT_NULLABLE ct_transpose(ct_tensor x, int64_t a, int64_t b);
CT_API ct_tensor CT_NULLABLE ct_unsqueeze(ct_tensor x, int64_t axis);
CT_API ct_tensor CT_NULLABLE ct_squeeze(ct_tensor x, int64_t axis);
CT_API ct_tensor CT_NULLABLE ct_expand(ct_tensor x, const int64_t *sizes, size_t rank);
CT_API ct_tensor CT_NULLABLE ct_slice(ct_tensor x, int64_t axis, int64_t start, int64_t end, int64_t step);
CT_API ct_tensor CT_NULLABLE ct_index_select(ct_tensor x, int64_t axis, ct_tensor indices);
CT_API ct_tensor CT_NULLABLE ct_cat(const CT_NONNULL ct_tensor *CT_NONNULL tensors, size_t count, int64_t axis);
CT_API ct_tensor CT_NULLABLE ct_stack(const CT_NONNULL ct_tensor *CT_NONNULL tensors, size_t count, int64_t axis);
CT_API ct_tensor CT_NULLABLE ct_repeat_interleave(ct_tensor x, int64_t times, int64_t axis);
CT_API ct_tensor CT_NULLABLE ct_pad(ct_tensor x, const int64_t *amounts, size_t count);
CT_API ct_tensor CT_NULLABLE ct_contiguous(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_clone(ct_tensor x);

CT_END
