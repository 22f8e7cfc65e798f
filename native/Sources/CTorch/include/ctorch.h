// The C surface of LibTorch that VisualGen uses, a header for each topic.
//
// A function that returns a tensor gives one reference to the caller, who releases it; NULL means failed. A function
// that returns `ct_status` gives 0, or 1 when it failed. After a failure, `ct_error_message` and `ct_error_kind` tell
// why, on the thread that failed. Tensor arguments are borrowed. Sizes and axes are `int64_t`, scalars are `double`;
// a negative axis counts from the end. Optional tensors are NULL when absent. No function throws or exits.
#pragma once

#include "ctorch/base.h"
#include "ctorch/elementwise.h"
#include "ctorch/groups.h"
#include "ctorch/layers.h"
#include "ctorch/offload.h"
#include "ctorch/operators.h"
#include "ctorch/runtime.h"
#include "ctorch/shape.h"
#include "ctorch/tensor.h"
