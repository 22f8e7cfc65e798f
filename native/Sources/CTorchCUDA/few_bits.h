// Kernels between floats and numbers of 8 and 4 bits: inputs of products, rounded by the pass that makes them, and weights, widened.
#pragma once

#include "rows.h"

namespace ct {

// The longest row whose numbers are rounded, and how many numbers of it share a scale where blocks have theirs.
constexpr int64_t longest_rounded_row = 32768, numbers_of_block = 128;

// What rows of 8 bits are: E4M3, or whole numbers.
enum class Code { e4m3, int8 };

// What numbers are divided by before they are rounded: their row's largest magnitude over the largest of the code, or that of
// each 128 of them; what is given for `rows_of_item` rows each; or one number for all. The kernels write what they took.
struct Scales {
    enum Kind { of_row, of_block, of_item, one } kind;
    const float *items;
    int64_t rows_of_item;
    float number;
    // [rows], or [blocks of a row, stride].
    float *taken;
    int64_t stride;
};

// x, dense rows.
cudaError_t round_rows(const void *x, Number type, int64_t rows, int64_t width, Code code, Scales scales, void *codes,
                       cudaStream_t stream);

// `beside`, whose width may be 0, and behind it GELU of x, by its approximation with tanh, to E4M3.
cudaError_t round_gelu(Rows beside, Rows x, Number type, int64_t batch, int64_t tokens, Scales scales, void *codes,
                       cudaStream_t stream);

// `beside`, whose width may be 0, and behind it silu(gate) * x, to E4M3.
cudaError_t round_swiglu(Rows beside, Rows gate, Rows x, Number type, int64_t batch, int64_t tokens, Scales scales, void *codes,
                         cudaStream_t stream);

// layerNorm(x) * (1 + scale) + shift of dense rows, to E4M3.
cudaError_t round_modulated(const void *x, Number type, int64_t rows, int64_t width, Vectors scale, Vectors shift, float epsilon,
                            Scales scales, void *codes, cudaStream_t stream);

// Dense rows to the nearest numbers of E2M1, with an E4M3 scale for 16 of them on what is given for `rows_of_item` rows each, or,
// without, on `number`. Rows are multiples of 16.
cudaError_t round_e2m1(const void *x, Number type, int64_t rows, int64_t width, const float *items, int64_t rows_of_item,
                       float number, void *result, cudaStream_t stream);

// A scale for each block of rows and columns, with strides in numbers.
struct BlockScales {
    const float *start;
    int64_t rows, columns, row_stride, column_stride;
};

// What dense codes stand for; rows and blocks are multiples of 16.
cudaError_t widen(const void *codes, Code code, int64_t rows, int64_t width, BlockScales scales, void *result, Number type,
                  cudaStream_t stream);

// What E2M1 stands for: two codes a byte, and a dense E4M3 scale for 16 of them, times `scale`.
cudaError_t widen_e2m1(const void *codes, const void *scales, float scale, int64_t rows, int64_t width, void *result, Number type,
                       cudaStream_t stream);

// sums * row's scale * column's scale + bias, of dense rows; the bias is of the result's type or absent. Widths are multiples of 4.
cudaError_t scale_sums(const int32_t *sums, const float *row_scales, const float *column_scales, const void *bias, int64_t rows,
                       int64_t width, void *result, Number type, cudaStream_t stream);

}  // namespace ct
