// Attention on the CPU: softmax(query · keyᵀ · scale + mask) · value, in tiles. The scores of some rows and some keys stay in
// the processor's cache, with a running maximum and sum for each row (the online softmax of FlashAttention).
//
// The products read 32-bit words: a float, or a pair of bfloat16 where the processor multiplies pairs. Either way one word of
// a row on the left meets a vector of words on the right, which are laid out in panels as the loop reads them. AMX multiplies
// sixteen rows of sixteen such words by sixteen vectors at once.
#include "attention.h"
#include "choice.h"
#include "rows.h"
#include "targets.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <array>
#include <iterator>
#include <limits>
#include <memory>
#include <tuple>
#include <type_traits>
#include <vector>

using namespace ct;

namespace {

// Rows of queries, and keys, that are taken together: their scores, keys and values fill half of a usual second-level cache.
constexpr int64_t rows_together = 96;
constexpr int64_t keys_together = 256;
// Words that one sum adds up in a row: longer sums round more.
constexpr int64_t depth_together = 128;
// A factor for each of the rows of a tile that changes nothing.
constexpr auto ones = [] {
    std::array<float, rows_together> all{};
    all.fill(1);
    return all;
}();

// Words of packed keys and values that are kept for several heads.
constexpr int64_t words_together = 1 << 21;

constexpr float per_ln2 = 1.44269504088896341f;
constexpr float infinity = std::numeric_limits<float>::infinity();

int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// The layout of one call: everything in numbers or words, strides in numbers of the tensors' type.
struct Shape {
    int64_t batch, heads, rows, keys, width;
    int64_t query[3] = {}, key[3] = {}, value[3] = {}, mask[4] = {};
    // The scale of scores that count in powers of two.
    float scale = 0;
    const float *masks = nullptr;
    // What numbers that were rounded count in, by token, key and channel of each head; null where they are as they were.
    const float *query_scales = nullptr, *key_scales = nullptr, *value_scales = nullptr;
    // Words of a row of queries or keys, and numbers of a row of values, padded to whole words and panels.
    int64_t depth = 0, padded_width = 0;
};

// What one thread needs.
struct Scratch {
    std::unique_ptr<char[]> memory;
    uint32_t *queries;
    float *scores, *results;
    float maxima[rows_together], factors[rows_together];
    // Parts of each row's sum, as many as a vector has places.
    float totals[rows_together * 16];

    explicit Scratch(const Shape &shape) {
        const int64_t words = rows_together * (shape.depth + keys_together + shape.padded_width);
        memory = std::make_unique<char[]>(words * 4 + 64);
        queries = reinterpret_cast<uint32_t *>((reinterpret_cast<uintptr_t>(memory.get()) + 63) / 64 * 64);
        scores = reinterpret_cast<float *>(queries + rows_together * shape.depth);
        results = scores + rows_together * keys_together;
    }
};

// The layout goes to functions by value, so that no number that is written can be a part of it.
template <class T, class Out> struct Scores {
    // Numbers of a word of queries and keys, and of the words that are multiplied at once.
    int64_t numbers, numbers_at_once;
    void (*pack_keys)(Shape, const T *, int64_t, uint32_t *);
    void (*attend_rows)(Shape, int64_t, int64_t, int64_t, const T *, const uint32_t *, const uint32_t *, Out *, float *,
                        Scratch &);
};

// The functions of one processor and type.
template <class T> struct Kernel {
    // Keys of a panel, numbers of a word of values, and of the words that are multiplied at once.
    int64_t columns, numbers, numbers_at_once;
    void (*pack_values)(Shape, const T *, int64_t, uint32_t *);
    Scores<T, T> exact;
    // Of numbers that were rounded, with weights of values in E4M3.
    Scores<T, float> quantized;
    // The same of whole numbers of 8 bits.
    Scores<bfloat16, float> quantized_wholes;
};

#if defined(__x86_64__)
CT_BEGIN_TARGET("arch=x86-64-v4,avx512bf16,amx-tile,amx-bf16")
namespace tiles512 {
#define CT_WIDTH 16
#define CT_ROWS 32
#define CT_NUMBERS 2
#define CT_WORDS 16
#include "attention_tiles.h"
}  // namespace tiles512
CT_END_TARGET

CT_BEGIN_TARGET("arch=x86-64-v4,avx512bf16")
namespace pairs512 {
#define CT_WIDTH 16
#define CT_ROWS 12
#define CT_NUMBERS 2
#define CT_WORDS 1
#include "attention_tiles.h"
}  // namespace pairs512
CT_END_TARGET

CT_BEGIN_TARGET("arch=x86-64-v4")
namespace singles512 {
#define CT_WIDTH 16
#define CT_ROWS 12
#define CT_NUMBERS 1
#define CT_WORDS 1
#include "attention_tiles.h"
}  // namespace singles512
CT_END_TARGET

CT_BEGIN_TARGET("arch=x86-64-v3")
namespace singles256 {
#define CT_WIDTH 8
#define CT_ROWS 6
#define CT_NUMBERS 1
#define CT_WORDS 1
#include "attention_tiles.h"
}  // namespace singles256
CT_END_TARGET
#endif

namespace singles128 {
#define CT_WIDTH 4
#define CT_ROWS 6
#define CT_NUMBERS 1
#define CT_WORDS 1
#include "attention_tiles.h"
}  // namespace singles128

template <class T, class Out>
void attend(const Kernel<T> &kernel, const Scores<T, Out> &scores, Shape &shape, const at::Tensor &query,
            const at::Tensor &key, const at::Tensor &value, at::Tensor &out, float *log_sums) {
    shape.depth = round_up(shape.width, scores.numbers_at_once) / scores.numbers;
    shape.padded_width = round_up(shape.width, kernel.columns);
    const int64_t row_blocks = (shape.rows + rows_together - 1) / rows_together;
    const int64_t key_blocks = (shape.keys + keys_together - 1) / keys_together;
    const int64_t key_panels = (shape.keys + kernel.columns - 1) / kernel.columns;
    // Words of the packed keys, and of the packed values, of one head.
    const int64_t key_words = key_panels * kernel.columns * shape.depth;
    const int64_t value_words = round_up(shape.keys, kernel.numbers_at_once) / kernel.numbers * shape.padded_width;
    // So many heads at a time that every thread has several blocks of rows to do, and more of them while they are small.
    const int64_t all = shape.batch * shape.heads, enough = 4 * at::get_num_threads();
    const int64_t together = std::min(all, std::max((enough + row_blocks - 1) / row_blocks,
                                                    words_together / (key_words + value_words)));
    const at::Tensor packed = at::empty({together, key_words + value_words}, at::kInt);
    uint32_t *words = static_cast<uint32_t *>(packed.mutable_data_ptr());
    Out *result = static_cast<Out *>(out.mutable_data_ptr());
    for (int64_t from = 0; from < all; from += together) {
        const int64_t count = std::min(together, all - from), parts = key_panels + key_blocks;
        const auto head_words = [&](int64_t index) { return words + index * (key_words + value_words); };
        parallel_for(0, count * parts, 4, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                const int64_t index = i / parts, part = i % parts;
                const int64_t batch = (from + index) / shape.heads, head = (from + index) % shape.heads;
                if (part < key_panels)
                    scores.pack_keys(shape, numbers<T>(key) + batch * shape.key[0] + head * shape.key[1], part,
                                     head_words(index));
                else
                    kernel.pack_values(shape, numbers<T>(value) + batch * shape.value[0] + head * shape.value[1],
                                       part - key_panels, head_words(index) + key_words);
            }
        });
        parallel_pieces(count * row_blocks, [&](const auto &next) {
            Scratch scratch(shape);
            for (int64_t i = next(); i < count * row_blocks; i = next()) {
                const int64_t index = i / row_blocks, block = i % row_blocks;
                const int64_t batch = (from + index) / shape.heads, head = (from + index) % shape.heads;
                scores.attend_rows(shape, batch, head, block,
                                   numbers<T>(query) + batch * shape.query[0] + head * shape.query[1], head_words(index),
                                   head_words(index) + key_words, result, log_sums, scratch);
            }
        });
    }
}

// Everything of a call but its mask.
Shape shape_of(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value, double scale) {
    Shape shape{query.size(0), query.size(1), query.size(2), key.size(2), query.size(3)};
    for (int64_t axis = 0; axis < 3; ++axis) {
        shape.query[axis] = query.stride(axis);
        shape.key[axis] = key.stride(axis);
        shape.value[axis] = value.stride(axis);
    }
    shape.scale = static_cast<float>(scale * per_ln2);
    return shape;
}

#if defined(__x86_64__)
// Of bfloat16: tiles, pairs, or numbers widened one by one.
const Kernel<bfloat16> &choose_bfloat16_kernel() {
    const at::Tensor x = at::full({1, 2, 384, 128}, 0.1, at::kBFloat16);
    at::Tensor out = at::empty({1, 384, 2, 128}, x.options());
    std::vector<const Kernel<bfloat16> *> kernels;
    std::vector<Way> ways;
    const auto add = [&](const char *name, const Kernel<bfloat16> &kernel) {
        kernels.push_back(&kernel);
        ways.push_back({name, [&] {
                            Shape shape = shape_of(x, x, x, 0.1);
                            attend(kernel, kernel.exact, shape, x, x, x, out, nullptr);
                        }});
    };
    if (has_amx_bfloat16()) add("tiles", tiles512::kernel<bfloat16>);
    if (has_avx512_bfloat16()) add("pairs", pairs512::kernel<bfloat16>);
    add("singles", has_avx512() ? singles512::kernel<bfloat16> : singles256::kernel<bfloat16>);
    return *kernels[fastest("attention", at::kBFloat16, ways, 1.05)];
}
#endif

template <class T> const Kernel<T> &kernel() {
#if defined(__x86_64__)
    if constexpr (std::is_same_v<T, bfloat16>) {
        if (has_avx2()) {
            static const Kernel<T> &chosen = choose_bfloat16_kernel();
            return chosen;
        }
    }
    if (has_avx512()) return singles512::kernel<T>;
    if (has_avx2()) return singles256::kernel<T>;
#endif
    return singles128::kernel<T>;
}

// Attention without a number in the queries or the keys: no tile, and every score is its mask.
at::Tensor of_nothing(const at::Tensor &query, const Shape &shape, const at::Tensor &masks, at::Tensor *log_sum_exp) {
    if (log_sum_exp) {
        const at::TensorOptions numbers = query.options().dtype(at::kFloat);
        const std::array<int64_t, 4> scores = {shape.batch, shape.heads, shape.rows, shape.keys};
        *log_sum_exp = at::logsumexp(masks.defined() ? masks : at::zeros(scores, numbers), {3});
    }
    return at::zeros(query.sizes(), query.options());
}

at::Tensor attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const std::optional<at::Tensor> &mask,
                     double scale, at::Tensor *log_sum_exp) {
    TORCH_CHECK(q.dim() == 4 && k.dim() == 4 && k.sizes() == v.sizes() && q.size(0) == k.size(0) &&
                    q.size(1) == k.size(1) && q.size(3) == k.size(3) && q.dtype() == k.dtype() && q.dtype() == v.dtype() &&
                    has_rows(q) && k.is_cpu() && v.is_cpu(),
                "cannot attend from ", q.sizes(), " to keys of ", k.sizes(), " and values of ", v.sizes());
    const at::Tensor queries = dense(q), keys = dense(k), values = dense(v);
    Shape shape = shape_of(queries, keys, values, scale);
    at::Tensor masks;
    if (mask) {
        masks = mask->to(at::kFloat).expand({shape.batch, shape.heads, shape.rows, shape.keys});
        for (int64_t axis = 0; axis < 4; ++axis) shape.mask[axis] = masks.stride(axis);
        shape.masks = numbers<float>(masks);
    }
    if (q.numel() == 0 || k.numel() == 0) return of_nothing(q, shape, masks, log_sum_exp);
    at::Tensor out = at::empty({shape.batch, shape.rows, shape.heads, shape.width}, q.options());
    if (log_sum_exp) *log_sum_exp = at::empty({shape.batch, shape.heads, shape.rows}, q.options().dtype(at::kFloat));
    float *log_sums = log_sum_exp ? static_cast<float *>(log_sum_exp->mutable_data_ptr()) : nullptr;
    dispatch(q, [&](auto type) {
        const auto &chosen = kernel<decltype(type)>();
        attend(chosen, chosen.exact, shape, queries, keys, values, out, log_sums);
    });
    return out.transpose(1, 2);
}

at::Tensor tiled_attention(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value,
                           const std::optional<at::Tensor> &mask, double scale) {
    return attention(query, key, value, mask, scale, nullptr);
}

std::tuple<at::Tensor, at::Tensor> tiled_attention_part(const at::Tensor &query, const at::Tensor &key,
                                                        const at::Tensor &value, const std::optional<at::Tensor> &mask,
                                                        double scale) {
    at::Tensor log_sum_exp;
    at::Tensor result = attention(query, key, value, mask, scale, &log_sum_exp);
    return {std::move(result), std::move(log_sum_exp)};
}

}  // namespace

std::tuple<at::Tensor, at::Tensor> ct::quantized_tiles(const at::Tensor &query, const at::Tensor &key,
                                                       const at::Tensor &value, const AttentionScales &scales, double scale,
                                                       bool are_whole) {
    Shape shape = shape_of(query, key, value, scale);
    if (scales.query.defined()) shape.query_scales = numbers<float>(scales.query);
    if (scales.key.defined()) shape.key_scales = numbers<float>(scales.key);
    shape.value_scales = numbers<float>(scales.value);
    const at::TensorOptions floats = query.options().dtype(at::kFloat);
    at::Tensor out = at::empty({shape.batch, shape.rows, shape.heads, shape.width}, floats);
    at::Tensor sums = at::empty({shape.batch, shape.heads, shape.rows}, floats);
    float *log_sums = static_cast<float *>(sums.mutable_data_ptr());
    if (are_whole) {
        const auto &chosen = kernel<bfloat16>();
        attend(chosen, chosen.quantized_wholes, shape, query, key, value, out, log_sums);
    } else {
        dispatch(query, [&](auto type) {
            const auto &chosen = kernel<decltype(type)>();
            attend(chosen, chosen.quantized, shape, query, key, value, out, log_sums);
        });
    }
    return {out.transpose(1, 2), sums};
}

TORCH_LIBRARY_FRAGMENT(visualgen, m) {
    // Attention over [batch, heads, tokens, width]; the mask is added to the scores.
    m.def("tiled_attention(Tensor query, Tensor key, Tensor value, Tensor? mask, float scale) -> Tensor");
    // That, and the logarithm of each row's sum of exponentials, [batch, heads, tokens] in float32.
    m.def("attention_part(Tensor query, Tensor key, Tensor value, Tensor? mask, float scale) -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(visualgen, CPU, m) {
    m.impl("tiled_attention", tiled_attention);
    m.impl("attention_part", tiled_attention_part);
}
