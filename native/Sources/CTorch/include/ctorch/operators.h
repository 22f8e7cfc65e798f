// Operators of our own. Each is registered with LibTorch's dispatcher under `visualgen`, its schema beside its implementation.
#pragma once

#include "base.h"

CT_BEGIN

typedef enum { CT_ARGUMENT_TENSOR, CT_ARGUMENT_NUMBER, CT_ARGUMENT_INTEGER, CT_ARGUMENT_FLAG, CT_ARGUMENT_DTYPE } ct_argument_kind;

typedef union {
    ct_tensor CT_NULLABLE tensor;
    double number;
    int64_t integer;
    bool flag;
    ct_dtype dtype;
} ct_argument_value;

typedef struct {
    ct_argument_kind kind;
    ct_argument_value value;
} ct_argument;

// Calls an operator by its name without `visualgen::`, and checks the arguments against its schema. `second` is where the second of
// two tensors goes; it is NULL for an operator that gives one.
CT_API ct_tensor CT_NULLABLE ct_call(const char *name, const ct_argument *arguments, size_t count,
                                     ct_tensor CT_NULLABLE *CT_NULLABLE second);

CT_END
