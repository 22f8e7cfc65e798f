// Kernels over the rows of a tensor, each of them one pass over memory, and group norm, which is two. Pointers are the card's; a row's numbers lie together.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace ct {

enum class Number { float32, float16, bfloat16 };

// Vectors that stand beside rows: one for every `rows` of them, each `stride` numbers after the one before.
struct Vectors {
    const void *start;
    Number type;
    int64_t stride, rows;
};

// Heads of [batch, tokens, heads, width], with strides in numbers.
struct Heads {
    const void *start;
    int64_t tokens, heads, width;
    int64_t batch_stride, token_stride, head_stride;
};

// Rows of [batch, tokens, width], with strides in numbers.
struct Rows {
    const void *start;
    int64_t width, batch_stride, token_stride;
};

// How many rows the kernels take, and the longest, in numbers. Widths are multiples of four, and every row begins where four numbers
// may: the kernels read four at once.
constexpr int64_t most_rows = 1 << 30, longest_row = 16384;

// layerNorm(x) * (1 + scale) + shift. x is of the result's type or float32, and the vectors are of x's type or float32.
cudaError_t modulated_layer_norm(const void *x, Number type, int64_t rows, int64_t width, Vectors scale, Vectors shift,
                                 float epsilon, void *result, Number result_type, cudaStream_t stream);

// The same of rmsNorm(x).
cudaError_t modulated_rms_norm(const void *x, Number type, int64_t rows, int64_t width, Vectors scale, Vectors shift,
                               float epsilon, void *result, Number result_type, cudaStream_t stream);

// residual + gate * x. The residual and the result are of x's type or float32, and the gate is of theirs or float32.
cudaError_t gated_add(const void *residual, Number type, Vectors gate, const void *x, Number x_type, int64_t rows,
                      int64_t width, void *result, cudaStream_t stream);

// rmsNorm(x) * weight over each head, and pairs turned by the angles of tables [tokens, width / 2]; the result is dense but for the
// stride of the batch. This one reads 16 bytes at once.
cudaError_t rms_norm_rotary(Heads x, Number type, int64_t rows, const void *weight, const float *cosine, const float *sine,
                            float epsilon, void *result, int64_t result_stride, cudaStream_t stream);

// The same with one norm over all heads of a token: dense rows, tables [tokens, head_width / 2].
cudaError_t joint_rms_norm_rotary(const void *x, Number type, int64_t rows, int64_t width, int64_t tokens,
                                  int64_t head_width, const void *weight, const float *cosine, const float *sine, float epsilon, void *result,
                                  cudaStream_t stream);

// The same for heads whose halves turn against each other, each by angles of its own: tables of [tokens, heads, pairs]. So many rows
// are of one token: one that has all of its heads, or one for each head, which then share angles.
cudaError_t joint_rms_norm_rotary_halves(const void *x, Number type, int64_t rows, int64_t width, int64_t rows_of_token,
                                         int64_t tokens, int64_t pairs, const void *weight, const float *cosine,
                                         const float *sine, float epsilon, void *result, cudaStream_t stream);

// silu(rmsNorm(x) * weight)
cudaError_t rms_norm_silu(const void *x, Number type, int64_t rows, int64_t width, const void *weight, float epsilon,
                          void *result, cudaStream_t stream);

// silu(gate) * x behind `beside`, whose width may be 0; the result is dense. This one reads 16 bytes at once.
cudaError_t swiglu(Rows gate, Rows x, Rows beside, Number type, int64_t batch, int64_t tokens, void *result,
                   cudaStream_t stream);

// Images' channels that lie one after the other, [batch, channels, pixels], in as many equal groups of channels.
struct Planes {
    int64_t batch, channels, pixels, groups;
};

// Blocks that measure one group at most, and all groups of some pixels.
constexpr int64_t most_parts = 64, most_pixel_parts = 528;

// A weight and a bias for each channel.
struct ChannelWeights {
    const float *weight, *bias;
    float epsilon;
};

// silu(groupNorm(x)) of planes of 16-byte packs. `moments` is memory for three float32 for each of an image's groups and parts.
cudaError_t group_norm_silu(const void *x, Number type, Planes planes, ChannelWeights weights, void *moments, void *result,
                            cudaStream_t stream);

// Some rows and columns of planes, whose rows are so wide; a group has less than 2³² numbers.
struct Window {
    uint32_t plane, width, row, rows, column, columns;
};

// How many numbers each group has in a window, their mean, and the sum of their squared distances from it: [batch, groups, 3] in
// float32. `moments` is as above.
cudaError_t group_moments(const void *x, Number type, Planes planes, Window window, void *moments, void *result,
                          cudaStream_t stream);

// groupNorm(x) by moments [parts, batch, groups, 3] that are taken together, and SiLU of it.
cudaError_t joint_group_norm(const void *x, Number type, Planes planes, const void *moments, int parts, bool has_silu,
                             ChannelWeights weights, void *result, cudaStream_t stream);

// Some rows and columns of images whose channels lie last, with strides in numbers; a pixel's channels are at most 256 packs of 16
// bytes.
struct Pixels {
    int batch, channels, groups;
    uint32_t rows, columns;
    int64_t batch_stride, row_stride;
};

// The same three of pixels, of whole images but for the moments. `moments` is memory for most_pixel_parts of each group, and
// `factors` for two float32 for each channel of an image.
cudaError_t group_norm_silu(const void *x, Number type, Pixels pixels, ChannelWeights weights, void *moments, void *factors,
                            void *result, cudaStream_t stream);
cudaError_t group_moments(const void *x, Number type, Pixels pixels, void *moments, void *result, cudaStream_t stream);
cudaError_t joint_group_norm(const void *x, Number type, Pixels pixels, const void *moments, int parts, bool has_silu,
                             ChannelWeights weights, void *factors, void *result, cudaStream_t stream);

}  // namespace ct
