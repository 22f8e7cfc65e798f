// The C surface of LibTorch that VisualGen uses, grouped by topic.
//
// A function that returns a tensor gives one reference to the caller, who releases it; NULL means failed. A function
// that returns `ct_status` gives 0, or 1 when it failed. After a failure, `ct_error_message` and `ct_error_kind` tell
// why, on the thread that failed. Tensor arguments are borrowed. Sizes and axes are `int64_t`, scalars are `double`;
// a negative axis counts from the end. Optional tensors are NULL when absent. No function throws or exits.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#define CT_NULLABLE _Nullable
#define CT_NONNULL _Nonnull
#pragma clang assume_nonnull begin
#else
#define CT_NULLABLE
#define CT_NONNULL
#endif

#define CT_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensor_s *ct_tensor;
typedef struct ct_generator_s *ct_generator;
typedef struct ct_moment_s *ct_moment;
typedef int ct_status;

typedef enum {
    CT_FLOAT64, CT_FLOAT32, CT_FLOAT16, CT_BFLOAT16, CT_FLOAT8_E4M3, CT_FLOAT8_E5M2,
    CT_INT64, CT_INT32, CT_INT16, CT_INT8, CT_UINT8, CT_BOOL
} ct_dtype;

typedef enum { CT_ERROR_OTHER, CT_ERROR_OUT_OF_MEMORY } ct_error_kind_t;

// Errors of the calling thread.
CT_API const char *ct_error_message(void);
CT_API ct_error_kind_t ct_error_kind(void);

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
CT_API ct_status ct_enter_device(int device);
CT_API int ct_entered_device(void);
CT_API ct_status ct_synchronize(int device);
// Whether the calling thread's convolutions of 32-bit floats may round their factors to TF32, 10 bits, on GPUs; at first they
// may not.
CT_API void ct_allow_tf32_convolutions(bool may);
CT_API bool ct_allows_tf32_convolutions(void);
CT_API ct_status ct_get_device_memory(int device, ct_device_memory *memory);
CT_API ct_status ct_reset_peak_device_memory(int device);

// Moments of the GPU that the thread has entered: when its stream comes to what is asked of it next. The end is waited for.
CT_API ct_moment CT_NULLABLE ct_moment_now(void);
CT_API void ct_moment_release(ct_moment moment);
CT_API ct_status ct_moment_seconds(ct_moment start, ct_moment end, double *seconds);

// What runs between the two is written as JSON for viewers of Chrome's traces.
CT_API ct_status ct_profile_begin(bool with_cuda);
CT_API ct_status ct_profile_end(const char *path);

// Gives up one reference.
CT_API void ct_release(ct_tensor tensor);

// What a tensor is. `device` is -1 for the CPU, else the CUDA index.
CT_API int64_t ct_rank(ct_tensor tensor);
CT_API int64_t ct_size(ct_tensor tensor, int64_t axis);
CT_API int64_t ct_count(ct_tensor tensor);
CT_API ct_dtype ct_dtype_of(ct_tensor tensor);
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
CT_API ct_status ct_to_host(ct_tensor tensor, void *data, size_t bytes);
CT_API ct_tensor CT_NULLABLE ct_to(ct_tensor tensor, ct_dtype dtype, int device);

// Random numbers: torch's own generators, so that a seed means what it means there.
CT_API ct_generator CT_NULLABLE ct_generator_new(uint64_t seed, int device);
CT_API void ct_generator_release(ct_generator generator);
CT_API ct_tensor CT_NULLABLE ct_randn(const int64_t *sizes, size_t rank, ct_generator generator, ct_dtype dtype,
                                      int device);

// Elementwise, with broadcasting.
CT_API ct_tensor CT_NULLABLE ct_add(ct_tensor a, ct_tensor b);
CT_API ct_tensor CT_NULLABLE ct_sub(ct_tensor a, ct_tensor b);
CT_API ct_tensor CT_NULLABLE ct_mul(ct_tensor a, ct_tensor b);
CT_API ct_tensor CT_NULLABLE ct_div(ct_tensor a, ct_tensor b);
CT_API ct_tensor CT_NULLABLE ct_add_scalar(ct_tensor a, double b);
CT_API ct_tensor CT_NULLABLE ct_mul_scalar(ct_tensor a, double b);
CT_API ct_tensor CT_NULLABLE ct_div_scalar(ct_tensor a, double b);
CT_API ct_tensor CT_NULLABLE ct_rsub_scalar(ct_tensor a, double b);
CT_API ct_tensor CT_NULLABLE ct_reciprocal_scalar(ct_tensor a, double b);
CT_API ct_tensor CT_NULLABLE ct_exp(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_expm1(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_log(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_sqrt(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_sin(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_cos(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_tanh(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_silu(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_relu(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_gelu(ct_tensor x, bool tanh_approximation);
CT_API ct_tensor CT_NULLABLE ct_quick_gelu(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_abs(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_round(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_clamp(ct_tensor x, double low, double high);

// Reductions.
CT_API ct_tensor CT_NULLABLE ct_sum(ct_tensor x, const int64_t *axes, size_t count, bool keep);
CT_API ct_tensor CT_NULLABLE ct_mean(ct_tensor x, const int64_t *axes, size_t count, bool keep);
CT_API ct_tensor CT_NULLABLE ct_max_all(ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_is_finite_all(ct_tensor x);

// Shape. Views where strides allow; `ct_reshape` copies when they do not.
CT_API ct_tensor CT_NULLABLE ct_reshape(ct_tensor x, const int64_t *sizes, size_t rank);
CT_API ct_tensor CT_NULLABLE ct_permute(ct_tensor x, const int64_t *axes, size_t rank);
CT_API ct_tensor CT_NULLABLE ct_transpose(ct_tensor x, int64_t a, int64_t b);
CT_API ct_tensor CT_NULLABLE ct_unsqueeze(ct_tensor x, int64_t axis);
CT_API ct_tensor CT_NULLABLE ct_squeeze(ct_tensor x, int64_t axis);
CT_API ct_tensor CT_NULLABLE ct_expand(ct_tensor x, const int64_t *sizes, size_t rank);
CT_API ct_tensor CT_NULLABLE ct_slice(ct_tensor x, int64_t axis, int64_t start, int64_t end, int64_t step);
CT_API ct_tensor CT_NULLABLE ct_index_select(ct_tensor x, int64_t axis, ct_tensor indices);
CT_API ct_tensor CT_NULLABLE ct_cat(const CT_NONNULL ct_tensor *CT_NONNULL tensors, size_t count, int64_t axis);
CT_API ct_tensor CT_NULLABLE ct_stack(const CT_NONNULL ct_tensor *CT_NONNULL tensors, size_t count, int64_t axis);
CT_API ct_tensor CT_NULLABLE ct_repeat_interleave(ct_tensor x, int64_t times, int64_t axis);
CT_API ct_tensor CT_NULLABLE ct_pad(ct_tensor x, const int64_t *amounts, size_t count);
CT_API ct_tensor CT_NULLABLE ct_contiguous(ct_tensor x);

// Products. `ct_linear` is x·Wᵀ + b, and `ct_linear_gelu` that and GELU by its approximation with tanh, without a second tensor.
CT_API ct_tensor CT_NULLABLE ct_matmul(ct_tensor a, ct_tensor b);
CT_API ct_tensor CT_NULLABLE ct_linear(ct_tensor x, ct_tensor weight, ct_tensor CT_NULLABLE bias);
CT_API ct_tensor CT_NULLABLE ct_linear_gelu(ct_tensor x, ct_tensor weight, ct_tensor CT_NULLABLE bias);
// [beside, linear_gelu(x)] along the last axis, of tensors [batch, tokens, width].
CT_API ct_tensor CT_NULLABLE ct_join_linear_gelu(ct_tensor beside, ct_tensor x, ct_tensor weight, ct_tensor CT_NULLABLE bias);
// A copy of a weight as oneDNN's products read it, for these three functions only, and whether it makes
// products of its type faster on this processor.
CT_API ct_tensor CT_NULLABLE ct_pack_linear_weight(ct_tensor weight);
CT_API ct_status ct_packs_linear_weights(ct_dtype dtype, bool *packs);
// Whether products and convolutions of a type may be made in 32-bit floats on this processor.
CT_API bool ct_may_convert_products(ct_dtype dtype);
// A line for each choice among kernels that this process has made, with what was measured.
CT_API const char *ct_kernel_choices(void);
CT_API ct_tensor CT_NULLABLE ct_conv2d(ct_tensor x, ct_tensor weight, ct_tensor CT_NULLABLE bias, int64_t stride,
                                       int64_t padding);
// A kernel of 3 by 3, with zeros at the edges, over a picture at double its size: every pixel stands there four times.
CT_API ct_tensor CT_NULLABLE ct_doubled_conv2d(ct_tensor x, ct_tensor weight, ct_tensor CT_NULLABLE bias);
// Over [batch, frames, height, width, in] with a weight of [out, frames, height, width, in]; the zeros of `padding` are at
// the edges of height and width.
CT_API ct_tensor CT_NULLABLE ct_conv3d(ct_tensor x, ct_tensor weight, ct_tensor CT_NULLABLE bias, int64_t padding);
CT_API ct_tensor CT_NULLABLE ct_embedding(ct_tensor table, ct_tensor ids);

// Normalisation.
CT_API ct_tensor CT_NULLABLE ct_layer_norm(ct_tensor x, ct_tensor CT_NULLABLE weight, ct_tensor CT_NULLABLE bias,
                                           double epsilon);
CT_API ct_tensor CT_NULLABLE ct_rms_norm(ct_tensor x, ct_tensor CT_NULLABLE weight, double epsilon);
CT_API ct_tensor CT_NULLABLE ct_group_norm(ct_tensor x, int64_t groups, ct_tensor weight, ct_tensor bias,
                                           double epsilon);
// That and SiLU; on the CPU in two passes over memory where channels lie last.
CT_API ct_tensor CT_NULLABLE ct_group_norm_silu(ct_tensor x, int64_t groups, ct_tensor weight, ct_tensor bias,
                                                double epsilon);
CT_API ct_tensor CT_NULLABLE ct_softmax(ct_tensor x, int64_t axis);

// Attention over [batch, heads, tokens, width]; the mask is added to the scores.
CT_API ct_tensor CT_NULLABLE ct_attention(ct_tensor query, ct_tensor key, ct_tensor value, ct_tensor CT_NULLABLE mask,
                                          double scale);
// The same on the CPU in tiles of our own; the logarithm of each row's sum of exponentials, [batch, heads, tokens] in float32, is
// given where it is asked for.
CT_API ct_tensor CT_NULLABLE ct_tiled_attention(ct_tensor query, ct_tensor key, ct_tensor value,
                                                ct_tensor CT_NULLABLE mask, double scale,
                                                ct_tensor CT_NULLABLE *CT_NULLABLE log_sum_exp);

// Sequences fused into one pass over memory; each is the formula in its comment, computed in float32.
// layerNorm(x) * (1 + scale) + shift, of a type that is asked for; scale and shift are [batch, width], or [batch, groups,
// width] for equal groups of tokens in a row.
CT_API ct_tensor CT_NULLABLE ct_modulated_layer_norm(ct_tensor x, ct_tensor scale, ct_tensor shift, double epsilon,
                                                     ct_dtype dtype);
// residual + gate * x, of the residual's type; gate is as scale and shift above.
CT_API ct_tensor CT_NULLABLE ct_gated_add(ct_tensor residual, ct_tensor gate, ct_tensor x);
// rmsNorm(x) * weight over each head, then the rotation of interleaved pairs by the angles of `cosine` and `sine`.
// x is [batch, tokens, heads, width], the tables [tokens, width / 2] in float32.
CT_API ct_tensor CT_NULLABLE ct_rms_norm_rotary(ct_tensor x, ct_tensor weight, ct_tensor cosine, ct_tensor sine,
                                                double epsilon);
// The same with one norm over all heads of a token: x is [batch, tokens, heads * width], weight [heads * width].
CT_API ct_tensor CT_NULLABLE ct_joint_rms_norm_rotary(ct_tensor x, ct_tensor weight, ct_tensor cosine, ct_tensor sine,
                                                      double epsilon);
// silu(rmsNorm(x) * weight) over the last axis.
CT_API ct_tensor CT_NULLABLE ct_rms_norm_silu(ct_tensor x, ct_tensor weight, double epsilon);

#ifdef __cplusplus
}
#endif

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif
