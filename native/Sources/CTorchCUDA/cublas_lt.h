// What is called of cuBLASLt, as its header of CUDA 13 has it: set-up fetches the library without its headers.
#pragma once

#include <cuda_runtime_api.h>
#include <library_types.h>

#include <cstddef>
#include <cstdint>

extern "C" {

struct cublasLtContext;
struct cublasLtMatmulDescOpaque_t;
struct cublasLtMatrixLayoutOpaque_t;
struct cublasLtMatmulPreferenceOpaque_t;

struct cublasLtMatmulAlgo_t {
    uint64_t data[8];
};
struct cublasLtMatmulHeuristicResult_t {
    cublasLtMatmulAlgo_t algo;
    size_t workspaceSize;
    int state;
    float wavesCount;
    int reserved[4];
};

int cublasLtMatmulDescCreate(cublasLtMatmulDescOpaque_t **desc, int compute, cudaDataType scale);
int cublasLtMatmulDescSetAttribute(cublasLtMatmulDescOpaque_t *desc, int attribute, const void *value, size_t bytes);
int cublasLtMatmulDescDestroy(cublasLtMatmulDescOpaque_t *desc);
int cublasLtMatrixLayoutCreate(cublasLtMatrixLayoutOpaque_t **layout, cudaDataType type, uint64_t rows, uint64_t columns,
                               int64_t leading);
int cublasLtMatrixLayoutDestroy(cublasLtMatrixLayoutOpaque_t *layout);
int cublasLtMatmulPreferenceCreate(cublasLtMatmulPreferenceOpaque_t **preference);
int cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreferenceOpaque_t *preference, int attribute, const void *value,
                                         size_t bytes);
int cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreferenceOpaque_t *preference);
int cublasLtMatmulAlgoGetHeuristic(cublasLtContext *handle, cublasLtMatmulDescOpaque_t *desc, cublasLtMatrixLayoutOpaque_t *a,
                                   cublasLtMatrixLayoutOpaque_t *b, cublasLtMatrixLayoutOpaque_t *c,
                                   cublasLtMatrixLayoutOpaque_t *d, cublasLtMatmulPreferenceOpaque_t *preference, int asked,
                                   cublasLtMatmulHeuristicResult_t *results, int *found);
int cublasLtMatmul(cublasLtContext *handle, cublasLtMatmulDescOpaque_t *desc, const void *alpha, const void *a,
                   cublasLtMatrixLayoutOpaque_t *a_layout, const void *b, cublasLtMatrixLayoutOpaque_t *b_layout, const void *beta,
                   const void *c, cublasLtMatrixLayoutOpaque_t *c_layout, void *d, cublasLtMatrixLayoutOpaque_t *d_layout,
                   const cublasLtMatmulAlgo_t *algorithm, void *workspace, size_t workspace_bytes, cudaStream_t stream);
}

namespace ct::lt {

constexpr int compute_float32 = 68, gelu_and_bias = 32 | 4;
// Attributes of a product, and of what is preferred.
constexpr int transposes_first = 3, epilogue = 7, bias = 8, most_workspace_bytes = 1;

}  // namespace ct::lt
