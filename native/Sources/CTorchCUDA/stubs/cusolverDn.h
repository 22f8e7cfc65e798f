// What LibTorch's CUDA headers name of cuSOLVER's dense part; nothing of it is called.
#pragma once

#include "cusolver_common.h"

typedef struct cusolverDnContext *cusolverDnHandle_t;
