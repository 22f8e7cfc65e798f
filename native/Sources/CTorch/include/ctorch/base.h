// What every header of the surface needs: types, and the errors of the calling thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#define CT_NULLABLE _Nullable
#define CT_NONNULL _Nonnull
#define CT_ASSUME_NONNULL_BEGIN _Pragma("clang assume_nonnull begin")
#define CT_ASSUME_NONNULL_END _Pragma("clang assume_nonnull end")
#else
#define CT_NULLABLE
#define CT_NONNULL
#define CT_ASSUME_NONNULL_BEGIN
#define CT_ASSUME_NONNULL_END
#endif

#define CT_API __attribute__((visibility("default")))

// A header's declarations stand between these two.
#ifdef __cplusplus
#define CT_BEGIN CT_ASSUME_NONNULL_BEGIN extern "C" {
#define CT_END } CT_ASSUME_NONNULL_END
#else
#define CT_BEGIN CT_ASSUME_NONNULL_BEGIN
#define CT_END CT_ASSUME_NONNULL_END
#endif

CT_BEGIN

typedef struct ct_tensor_s *ct_tensor;
typedef struct ct_generator_s *ct_generator;
typedef struct ct_moment_s *ct_moment;
typedef struct ct_graph_s *ct_graph;
typedef int ct_status;

typedef enum {
    CT_FLOAT64, CT_FLOAT32, CT_FLOAT16, CT_BFLOAT16, CT_FLOAT8_E4M3, CT_FLOAT8_E5M2,
    CT_INT64, CT_INT32, CT_INT16, CT_INT8, CT_UINT8, CT_BOOL
} ct_dtype;

typedef enum { CT_ERROR_OTHER, CT_ERROR_OUT_OF_MEMORY, CT_ERROR_PEER_LOST } ct_error_kind_t;

// Errors of the calling thread.
CT_API const char *ct_error_message(void);
CT_API ct_error_kind_t ct_error_kind(void);

CT_END
