// Products of bfloat16 by AMX's tiles, with weights as they lie in memory: in 16 bits, or quantised.
//
// Each thread takes some rows of the weight, lays a part of their columns out as tiles, widened if need be, and multiplies all
// rows of x by it while it is in the processor's second cache. No weight is kept a second time, and one in few bits costs
// little more than one in 16. Every row's sums run over the columns in one order: a row gives the same whatever is beside it.
#include "tile_products.h"
#include "rows.h"
#include "targets.h"

#include <ATen/TensorOperators.h>
#include <ATen/record_function.h>
#include <c10/core/CPUAllocator.h>

#include <algorithm>
#include <array>
#include <vector>

using namespace ct;

#if defined(__x86_64__)
namespace {

// A tile: so many rows, of so many numbers.
constexpr int64_t tile_rows = 16, tile_numbers = 32, tile = tile_rows * tile_numbers;
// Rows of x, and of a weight, that the registers hold: two tiles.
constexpr int64_t rows_together = 2 * tile_rows;
// The part of a weight that is laid out at once: rows at most, and numbers of each.
constexpr int64_t weight_rows = 256, weight_numbers = 1536;
// Rows of x that are laid out at once.
constexpr int64_t most_rows = 2048;

int64_t tiles(int64_t numbers) { return parts(numbers, tile_numbers); }

// Memory of some numbers that nobody has written.
template <class T> struct Room {
    at::DataPtr memory;
    explicit Room(int64_t count) : memory(c10::GetCPUAllocator()->allocate(count * sizeof(T))) {}
    T *start() const { return static_cast<T *>(memory.get()); }
};

// What to begin all eight registers with: whole tiles.
struct alignas(64) Registers {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// bfloat16's bits of what codes stand for.
struct alignas(64) Meanings {
    std::array<uint16_t, 32> bits{};
    template <class Meaning> Meanings(int count, Meaning meaning) {
        for (int code = 0; code < count; ++code)
            bits[code] = __builtin_bit_cast(uint32_t, meaning(static_cast<uint8_t>(code))) >> 16;
    }
};
// The E4M3 below its smallest exponent, and all of E2M1.
const Meanings small_e4m3(8, from_e4m3), all_e2m1(16, from_e2m1);

CT_BEGIN_TARGET("arch=x86-64-v4,avx512bf16,amx-tile,amx-bf16")

// The first of 32 bits.
inline __mmask32 first_of(int64_t count) { return count < 32 ? (__mmask32{1} << count) - 1 : ~__mmask32{0}; }

// 32 bfloat16 times floats, one for both numbers of a word.
inline __m512i scaled(__m512i numbers, __m512 scales) {
    const __m512 low = _mm512_mul_ps(_mm512_castsi512_ps(_mm512_slli_epi32(numbers, 16)), scales);
    const __m512i upper_half = _mm512_set1_epi32(static_cast<int>(0xffff0000));
    const __m512 high = _mm512_mul_ps(_mm512_castsi512_ps(_mm512_and_si512(numbers, upper_half)), scales);
    const __m512i low_words = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(low));
    const __m512i high_words = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(high));
    return _mm512_or_si512(low_words, _mm512_slli_epi32(high_words, 16));
}

// How 32 numbers of a weight's row are read, as bfloat16, from a column on that is a multiple of 32; `count` are there, and zeros
// follow.

struct PlainRow {
    const bfloat16 *numbers;
    PlainRow() = default;
    PlainRow(const at::Tensor &weight, int64_t row) : numbers(ct::numbers<bfloat16>(weight) + row * weight.stride(0)) {}
    __m512i read(int64_t column, int64_t count) const { return _mm512_maskz_loadu_epi16(first_of(count), numbers + column); }
    const void *address(int64_t column) const { return numbers + column; }
};

// E4M3 as it is, where each row of a weight has one scale: that goes to the sums.
struct E4M3Row {
    const uint8_t *codes;
    E4M3Row() = default;
    E4M3Row(const QuantizedWeight &weight, int64_t row) : codes(numbers<uint8_t>(weight.codes) + row * weight.width) {}
    __m512i read(int64_t column, int64_t count) const {
        const __m512i code = _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(first_of(count), codes + column));
        const __m512i rest = _mm512_and_si512(code, _mm512_set1_epi16(0x7f));
        const __m512i normal = _mm512_add_epi16(_mm512_slli_epi16(rest, 4), _mm512_set1_epi16(120 << 7));
        const __mmask32 is_small = _mm512_cmplt_epu16_mask(rest, _mm512_set1_epi16(8));
        const __m512i small = _mm512_load_si512(small_e4m3.bits.data());
        const __m512i magnitude = _mm512_mask_permutexvar_epi16(normal, is_small, rest, small);
        const __m512i sign = _mm512_slli_epi16(_mm512_and_si512(code, _mm512_set1_epi16(0x80)), 8);
        return _mm512_or_si512(magnitude, sign);
    }
    const void *address(int64_t column) const { return codes + column; }
};

// E4M3 with a scale for each block.
struct E4M3BlockRow : E4M3Row {
    const float *scales;
    float scale;
    E4M3BlockRow() = default;
    E4M3BlockRow(const QuantizedWeight &weight, int64_t row)
        : E4M3Row(weight, row), scales(numbers<float>(weight.scales) + row / weight.rows * weight.scales.size(1)),
          scale(weight.scale) {}
    __m512i read(int64_t column, int64_t count) const {
        return scaled(E4M3Row::read(column, count), _mm512_set1_ps(scales[column / block] * scale));
    }
};

struct E2M1Row {
    const uint8_t *codes, *scales;
    float scale;
    E2M1Row() = default;
    E2M1Row(const QuantizedWeight &weight, int64_t row)
        : codes(numbers<uint8_t>(weight.codes) + row * weight.width / 2),
          scales(numbers<uint8_t>(weight.scales) + row * weight.scales.size(1)), scale(weight.scale) {}
    __m512i read(int64_t column, int64_t count) const {
        const auto mask = static_cast<__mmask16>(first_of(count / 2));
        const __m256i pairs = _mm256_cvtepu8_epi16(_mm_maskz_loadu_epi8(mask, codes + column / 2));
        // The two codes of a byte as two bytes.
        const __m256i low = _mm256_and_si256(pairs, _mm256_set1_epi16(15));
        const __m256i both = _mm256_or_si256(low, _mm256_slli_epi16(_mm256_srli_epi16(pairs, 4), 8));
        const __m512i numbers =
            _mm512_permutexvar_epi16(_mm512_cvtepu8_epi16(both), _mm512_load_si512(all_e2m1.bits.data()));
        const uint8_t *own = scales + column / group;
        const __m512 first = _mm512_set1_ps(from_e4m3(own[0]) * scale);
        const __m512 second = _mm512_set1_ps(count > group ? from_e4m3(own[1]) * scale : 0);
        return scaled(numbers, _mm512_mask_blend_ps(0xff00, first, second));
    }
    const void *address(int64_t column) const { return codes + column / 2; }
};

// Rows and columns of words change places.
inline void transpose(__m512i (&rows)[16]) {
    __m512i some[16];
    for (int i = 0; i < 16; i += 2) {
        some[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        some[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int half = 0; half < 2; ++half) {
            rows[i + 2 * half] = _mm512_unpacklo_epi64(some[i + half], some[i + 2 + half]);
            rows[i + 2 * half + 1] = _mm512_unpackhi_epi64(some[i + half], some[i + 2 + half]);
        }
    // Each of these holds a column of four rows in each quarter.
    for (int i = 0; i < 4; ++i) {
        some[i] = _mm512_shuffle_i32x4(rows[i], rows[4 + i], 0x88);
        some[4 + i] = _mm512_shuffle_i32x4(rows[i], rows[4 + i], 0xdd);
        some[8 + i] = _mm512_shuffle_i32x4(rows[8 + i], rows[12 + i], 0x88);
        some[12 + i] = _mm512_shuffle_i32x4(rows[8 + i], rows[12 + i], 0xdd);
    }
    for (int i = 0; i < 8; ++i) {
        rows[i] = _mm512_shuffle_i32x4(some[i], some[8 + i], 0x88);
        rows[8 + i] = _mm512_shuffle_i32x4(some[i], some[8 + i], 0xdd);
    }
}

// A part of a weight as tiles [rows / 32, columns / 32, 2, 16 words, 16 rows]: a word is two numbers of a row, as AMX reads them.
template <class Row, class Weight>
void lay_out(const Weight &weight, int64_t row, int64_t count, int64_t column, int64_t width, uint16_t *out) {
    // How far ahead memory is asked for, and of how many numbers at once.
    constexpr int64_t ahead = 256, line = 64;
    const int64_t across = tiles(width);
    for (int64_t top = 0; top < parts(count, rows_together) * rows_together; top += tile_rows) {
        uint16_t *target = out + top / rows_together * across * 2 * tile + top / tile_rows % 2 * tile;
        Row sources[tile_rows];
        for (int64_t i = 0; i < tile_rows; ++i) sources[i] = Row(weight, row + std::min(top + i, count - 1));
        for (int64_t left = 0; left < width; left += tile_numbers, target += 2 * tile) {
            __m512i words[tile_rows];
            for (int64_t i = 0; i < tile_rows; ++i)
                words[i] = sources[i].read(column + left, top + i < count ? width - left : 0);
            transpose(words);
            for (int64_t i = 0; i < tile_rows; ++i) _mm512_store_si512(target + i * tile_numbers, words[i]);
            if (left % line == 0 && left + ahead < width)
                for (const Row &source : sources) _mm_prefetch(source.address(column + left + ahead), _MM_HINT_T0);
        }
    }
}

// Some rows of x as tiles [columns / 32, 2, 16 rows, 32 numbers].
void lay_out_rows(const bfloat16 *x, int64_t stride, int64_t count, int64_t width, uint16_t *out) {
    for (int64_t row = 0; row < rows_together; ++row)
        for (int64_t left = 0; left < width; left += tile_numbers) {
            const __mmask32 mask = row < count ? first_of(width - left) : 0;
            _mm512_store_si512(out + left * rows_together + row * tile_numbers,
                               _mm512_maskz_loadu_epi16(mask, x + row * stride + left));
        }
}

// Adds the products of 32 rows by 32 to sums, or begins with them.
inline void multiply(const uint16_t *x, const uint16_t *weight, int64_t count, bool begins, float *sums, int64_t stride) {
    const size_t bytes = stride * sizeof(float);
    float *lower = sums + tile_rows * stride;
    if (begins) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    } else {
        _tile_loadd(0, sums, bytes);
        _tile_loadd(1, sums + tile_rows, bytes);
        _tile_loadd(2, lower, bytes);
        _tile_loadd(3, lower + tile_rows, bytes);
    }
    for (int64_t index = 0; index < count; ++index, x += 2 * tile, weight += 2 * tile) {
        _tile_loadd(4, x, 64);
        _tile_loadd(6, weight, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, weight + tile, 64);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, x + tile, 64);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums, bytes);
    _tile_stored(1, sums + tile_rows, bytes);
    _tile_stored(2, lower, bytes);
    _tile_stored(3, lower + tile_rows, bytes);
}

// What is done to the sums of each column: they are multiplied, and something is added; null for nothing.
struct Columns {
    const float *scales, *bias;
};

void finish(const float *sums, int64_t stride, int64_t rows, int64_t first, int64_t columns, const Columns &all, bfloat16 *out,
            int64_t out_stride) {
    for (int64_t row = 0; row < rows; ++row)
        for (int64_t left = 0; left < columns; left += 16) {
            const auto mask = static_cast<__mmask16>(first_of(std::min<int64_t>(16, columns - left)));
            const auto own = [&](const float *numbers) { return _mm512_maskz_loadu_ps(mask, numbers + first + left); };
            __m512 value = _mm512_loadu_ps(sums + row * stride + left);
            if (all.scales) value = _mm512_mul_ps(value, own(all.scales));
            if (all.bias) value = _mm512_add_ps(value, own(all.bias));
            _mm256_mask_storeu_epi16(out + row * out_stride + left, mask, (__m256i)_mm512_cvtneps_pbh(value));
        }
}

// Rows of a weight that a thread takes at once: equal shares of few pieces, so that no thread waits long for another.
int64_t rows_of_piece(int64_t height) {
    const int64_t share = parts(height, at::get_num_threads());
    return parts(parts(share, parts(share, weight_rows)), rows_together) * rows_together;
}

struct Rows {
    bfloat16 *start;
    int64_t count, stride;
};

template <class Row, class Weight>
void multiply(const Rows &x, const Weight &weight, int64_t height, int64_t width, const Columns &columns, const Rows &out) {
    const int64_t at_once = rows_of_piece(height), pieces = parts(height, at_once), across = tiles(width) * tile_numbers;
    const Room<uint16_t> x_tiles(parts(std::min(most_rows, x.count), rows_together) * rows_together * across);
    for (int64_t first = 0; first < x.count; first += most_rows) {
        const int64_t count = std::min(most_rows, x.count - first), blocks = parts(count, rows_together);
        const auto block_of_x = [&](int64_t index) { return x_tiles.start() + index * rows_together * across; };
        parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
            for (int64_t index = begin; index < end; ++index) {
                const int64_t row = index * rows_together;
                lay_out_rows(x.start + (first + row) * x.stride, x.stride, std::min(rows_together, count - row), width,
                             block_of_x(index));
            }
        });
        parallel_pieces(pieces, [&](auto next) {
            const Room<uint16_t> tiles_of_weight(at_once * weight_numbers);
            const Room<float> sums(blocks * rows_together * at_once);
            const Registers registers;
            _tile_loadconfig(&registers);
            for (int64_t piece = next(); piece < pieces; piece = next()) {
                const int64_t top = piece * at_once, rows = std::min(at_once, height - top);
                for (int64_t left = 0; left < width; left += weight_numbers) {
                    const int64_t count_of_part = std::min(weight_numbers, width - left), steps = tiles(count_of_part);
                    lay_out<Row>(weight, top, rows, left, count_of_part, tiles_of_weight.start());
                    for (int64_t index = 0; index < blocks; ++index) {
                        float *own = sums.start() + index * rows_together * at_once;
                        for (int64_t row = 0; row < rows; row += rows_together)
                            multiply(block_of_x(index) + left * rows_together,
                                     tiles_of_weight.start() + row * steps * tile_numbers, steps, left == 0, own + row, at_once);
                        if (left + count_of_part < width) continue;
                        const int64_t row = index * rows_together;
                        finish(own, at_once, std::min(rows_together, count - row), top, rows, columns,
                               out.start + (first + row) * out.stride + top, out.stride);
                    }
                }
            }
            _tile_release();
        });
    }
}

CT_END_TARGET

// A tensor [rows, columns] of bfloat16 whose columns lie side by side.
Rows rows_of(const at::Tensor &x) {
    return {static_cast<bfloat16 *>(const_cast<void *>(x.const_data_ptr())), x.size(0), x.stride(0)};
}

// A scale for each row, of a weight whose rows have one each or one for all or for many of them.
at::Tensor scales_of_rows(const QuantizedWeight &weight) {
    return (weight.scales * weight.scale).repeat_interleave(weight.rows, 0).slice(0, 0, weight.height).contiguous();
}

template <class Row, class Weight>
void multiply(const at::Tensor &into, const at::Tensor &x, const Weight &weight, int64_t height, int64_t width,
              const std::optional<at::Tensor> &bias, const at::Tensor &scales = {}) {
    TORCH_CHECK(x.size(-1) == width && (!bias || (bias->dim() == 1 && bias->size(0) == height)), "cannot multiply ", x.sizes(),
                " by a weight of ", height, " x ", width);
    RECORD_FUNCTION("visualgen::tile_linear", std::vector<c10::IValue>());
    const at::Tensor rows = x.flatten(0, -2), offsets = bias ? bias->to(at::kFloat).contiguous() : at::Tensor();
    const Columns columns{scales.defined() ? numbers<float>(scales) : nullptr, bias ? numbers<float>(offsets) : nullptr};
    multiply<Row>(rows_of(rows.stride(-1) == 1 ? rows : rows.contiguous()), weight, height, width, columns,
                  rows_of(into.view({-1, height})));
}

}  // namespace

bool ct::multiplies_tiles(const at::Tensor &x) {
    return x.is_cpu() && x.scalar_type() == at::kBFloat16 && x.numel() > 0 && has_amx_bfloat16();
}

void ct::tile_linear_into(const at::Tensor &into, const at::Tensor &x, const at::Tensor &weight,
                          const std::optional<at::Tensor> &bias) {
    TORCH_CHECK(weight.dim() == 2 && weight.scalar_type() == at::kBFloat16, "cannot multiply by a weight of ", weight.sizes(),
                " of ", weight.scalar_type());
    const at::Tensor rows = weight.stride(1) == 1 ? weight : weight.contiguous();
    multiply<PlainRow>(into, x, rows, weight.size(0), weight.size(1), bias);
}

void ct::tile_linear_into(const at::Tensor &into, const at::Tensor &x, const QuantizedWeight &weight,
                          const std::optional<at::Tensor> &bias) {
    if (weight.codes.scalar_type() == at::kByte)
        multiply<E2M1Row>(into, x, weight, weight.height, weight.width, bias);
    else if (weight.scales.size(1) > 1)
        multiply<E4M3BlockRow>(into, x, weight, weight.height, weight.width, bias);
    else
        multiply<E4M3Row>(into, x, weight, weight.height, weight.width, bias, scales_of_rows(weight));
}
#else
bool ct::multiplies_tiles(const at::Tensor &) { return false; }

void ct::tile_linear_into(const at::Tensor &, const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &) {
    TORCH_CHECK(false, "this processor has no AMX");
}

void ct::tile_linear_into(const at::Tensor &, const at::Tensor &, const QuantizedWeight &, const std::optional<at::Tensor> &) {
    TORCH_CHECK(false, "this processor has no AMX");
}
#endif
