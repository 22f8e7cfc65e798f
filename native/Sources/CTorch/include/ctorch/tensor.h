// What a tensor is, making one, and random numbers.
#pragma once

#include "base.h"

CT_BEGIN

// Gives up one reference.
CT_API void ct_release(ct_tensor tensor);

// What a tensor is. The device is -1 for the CPU, else the CUDA index; a type without a code is a failure.
CT_API int64_t ct_rank(ct_tensor tensor);
CT_API int64_t ct_size(ct_tensor tensor, int64_t axis);
CT_API int64_t ct_count(ct_tensor tensor);
CT_API ct_status ct_dtype_of(ct_tensor tensor, ct_dtype *dtype);
CT_API int ct_device_of(ct_tensor tensor);
CT_API bool ct_is_contiguous(ct_tensor tensor);

// Creation. `ct_from_blob` wraps memory without a copy and calls `release(context)` once when nothing uses it any more
// (at once when it fails).
CT_API ct_tensor CT_NULLABLE ct_empty(const int64_t *sizes, size_t rank, ct_dtype dtype, int device);
CT_API ct_tensor CT_NULLABLE ct_full(const int64_t *sizes, size_t rank, double value, ct_dtype dtype, int device);
CT_API ct_tensor CT_NULLABLE ct_arange(double start, double end, double step, ct_dtype dtype, int device);
CT_API ct_tensor CT_NULLABLE ct_from_blob(void *data, const int64_t *sizes, size_t rank, ct_dtype dtype,
                                          void (*release)(void *CT_NULLABLE), void *CT_NULLABLE context);
CT_API ct_tensor CT_NULLABLE ct_from_host(const void *data, const int64_t *sizes, size_t rank, ct_dtype dtype,
                                          int device);
// Reads a tensor of some type, whose bytes begin somewhere in an open file, to a GPU, and converts it there.
CT_API ct_tensor CT_NULLABLE ct_read(int file, int64_t offset, const int64_t *sizes, size_t rank, ct_dtype stored,
                                     ct_dtype dtype, int device);
CT_API ct_status ct_to_host(ct_tensor tensor, void *data, size_t bytes);
CT_API ct_tensor CT_NULLABLE ct_to(ct_tensor tensor, ct_dtype dtype, int device);

// Random numbers: torch's own generators, so that a seed means what it means there.
CT_API ct_generator CT_NULLABLE ct_generator_new(uint64_t seed, int device);
CT_API void ct_generator_release(ct_generator generator);
CT_API ct_tensor CT_NULLABLE ct_randn(const int64_t *sizes, size_t rank, ct_generator generator, ct_dtype dtype,
                                      int device);

CT_END
