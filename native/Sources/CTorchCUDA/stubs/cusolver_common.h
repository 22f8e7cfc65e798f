// What LibTorch's CUDA headers name of cuSOLVER; nothing of it is called.
#pragma once

typedef enum { CUSOLVER_STATUS_SUCCESS } cusolverStatus_t;
