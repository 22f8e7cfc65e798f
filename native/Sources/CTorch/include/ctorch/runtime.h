// Threads, devices and their memory, time and profiles.
#pragma once

#include "base.h"

CT_BEGIN

// The calling thread: inference mode for as long as it lives, and how many threads an operation may use.
CT_API void ct_enter_inference_mode(void);
CT_API ct_status ct_set_threads(int count);
CT_API int ct_threads(void);
CT_API const char *ct_cpu_capability(void);

// From `true` to the matching `false`, the CPU memory of large tensors that are freed is kept for the next ones.
CT_API void ct_reuse_memory(bool begins);

// A GPU's memory in bytes: what this process may still use or has already, and the most it had since the last reset.
typedef struct {
    int64_t available, peak_allocated, peak_reserved;
} ct_device_memory;

// Devices: -1 is the CPU, else the CUDA index. `ct_check_device` says why nothing can run on one, without loading what it
// needs. A thread enters the device that it works for, once, before anything else is asked of a GPU; it then has a stream of
// its own.
CT_API ct_status ct_check_device(int device);
// The compute capability of a GPU that the check finds nothing wrong with: 9 and 0 are Hopper. It loads nothing either.
CT_API ct_status ct_get_compute_capability(int device, int *major, int *minor);
CT_API ct_status ct_enter_device(int device);
CT_API int ct_entered_device(void);
CT_API ct_status ct_synchronize(int device);

// On a GPU, what the calling thread starts between the first two of these runs on a stream of its own, behind all that was
// started before; what is started after the third waits for it. Tensors that it reads may be released only after the third.
CT_API ct_status ct_step_aside(void);
CT_API ct_status ct_step_back(void);
CT_API ct_status ct_join_aside(void);
// Whether the calling thread's convolutions of 32-bit floats may round their factors to TF32, 10 bits, on GPUs; at first they
// may not.
CT_API void ct_allow_tf32_convolutions(bool may);
CT_API bool ct_allows_tf32_convolutions(void);
// Of the CPU, what tensors take; what is available is not told.
CT_API ct_status ct_get_device_memory(int device, ct_device_memory *memory);
CT_API ct_status ct_reset_peak_device_memory(int device);
// One piece of a GPU's memory for tensors that the calling thread makes next, in place of a call of the driver for each. Where
// there is no such piece nothing happens.
CT_API ct_status ct_reserve_device_memory(int device, int64_t bytes);

// Moments of the GPU that the thread has entered: when its stream comes to what is asked of it next. The end is waited for.
CT_API ct_moment CT_NULLABLE ct_moment_now(void);
CT_API void ct_moment_release(ct_moment moment);
CT_API ct_status ct_moment_seconds(ct_moment start, ct_moment end, double *seconds);

// What the calling thread starts on its GPU between the first two of these is kept instead of being done, and done each time it is
// replayed, after copies of tensors into others of the same shapes that it reads. What it makes is overwritten by the next replay.
// Whoever releases a graph that was begun and not ended ends it.
CT_API ct_graph CT_NULLABLE ct_graph_begin(void);
CT_API ct_status ct_graph_end(ct_graph graph);
CT_API ct_status ct_graph_replay(ct_graph graph, const ct_tensor CT_NONNULL *CT_NULLABLE from,
                                 const ct_tensor CT_NONNULL *CT_NULLABLE into, size_t count);
CT_API void ct_graph_release(ct_graph graph);

// What runs between the two is written as JSON for viewers of Chrome's traces.
CT_API ct_status ct_profile_begin(bool with_cuda);
CT_API ct_status ct_profile_end(const char *path);

CT_END
