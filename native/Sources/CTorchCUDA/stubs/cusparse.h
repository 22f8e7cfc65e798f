// What LibTorch's CUDA headers name of cuSPARSE; nothing of it is called.
#pragma once

typedef struct cusparseContext *cusparseHandle_t;
typedef enum { CUSPARSE_STATUS_SUCCESS } cusparseStatus_t;
