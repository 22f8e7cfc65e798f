// What LibTorch's CUDA headers name of cuBLAS; nothing of it is called.
#pragma once

typedef struct cublasContext *cublasHandle_t;
typedef enum { CUBLAS_STATUS_SUCCESS } cublasStatus_t;
