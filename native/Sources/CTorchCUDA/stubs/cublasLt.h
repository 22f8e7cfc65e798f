// What LibTorch's CUDA headers name of cuBLASLt; nothing of it is called.
#pragma once

typedef struct cublasLtContext *cublasLtHandle_t;
