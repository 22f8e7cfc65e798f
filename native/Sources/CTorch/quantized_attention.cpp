// Quantised attention on the CPU (docs/attention.md): queries and keys are rounded to int8 or E4M3, values and their weights to
// E4M3. What those have, bfloat16 has too, so the tiles of exact attention multiply it without an error.
#include "attention.h"
#include "few_bits.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

using namespace ct;

namespace {

// NaN if one of them is.
CT_INLINE float larger(float most, float magnitude) {
    return most >= magnitude || most != most ? most : magnitude;
}

#define CT_DEFINE_ROWS(T)                                                                                              \
    CT_CLONES void raise_to_row(const T *in, int64_t count, float *most) {                                             \
        CT_ANY_ORDER                                                                                                   \
        for (int64_t i = 0; i < count; ++i) most[i] = larger(most[i], std::abs(load(in[i])));                          \
    }                                                                                                                  \
    CT_CLONES void add_row(const T *in, int64_t count, double *sums) {                                                 \
        CT_ANY_ORDER                                                                                                   \
        for (int64_t i = 0; i < count; ++i) sums[i] += load(in[i]);                                                    \
    }                                                                                                                  \
    CT_CLONES void subtracted_row(const T *in, const float *mean, int64_t count, float *out) {                         \
        CT_ANY_ORDER                                                                                                   \
        for (int64_t i = 0; i < count; ++i) out[i] = load(in[i]) - mean[i];                                            \
    }                                                                                                                  \
    CT_CLONES float product_of_row(const T *in, const float *other, int64_t count) {                                   \
        float sums[lanes] = {};                                                                                        \
        for (int64_t i = 0; i < count; ++i) sums[i % lanes] += load(in[i]) * other[i];                                 \
        return total(sums);                                                                                            \
    }                                                                                                                  \
    CT_CLONES void rounded_row(E4M3 round, const T *in, float scale, int64_t count, bfloat16 *out) {                   \
        CT_ANY_ORDER                                                                                                   \
        for (int64_t i = 0; i < count; ++i) store(round(load(in[i]) / scale), out[i]);                                 \
    }                                                                                                                  \
    CT_CLONES void rounded_row(Int8 round, const T *in, float scale, int64_t count, bfloat16 *out) {                   \
        CT_ANY_ORDER                                                                                                   \
        for (int64_t i = 0; i < count; ++i) store(round(load(in[i]) / scale), out[i]);                                 \
    }                                                                                                                  \
    CT_CLONES void rounded_channels(const T *in, const float *scales, int64_t count, bfloat16 *out) {                  \
        CT_ANY_ORDER                                                                                                   \
        for (int64_t i = 0; i < count; ++i) store(E4M3()(load(in[i]) / scales[i]), out[i]);                            \
    }
CT_DEFINE_ROWS(float)
CT_DEFINE_ROWS(half)
CT_DEFINE_ROWS(bfloat16)

// A scale below the smallest normal float is 1, which makes zeros of what is so small.
float scale_of(float largest, float most) {
    const float scale = largest / most;
    return scale < std::numeric_limits<float>::min() ? 1 : scale;
}

// The rows of [batch, heads, tokens, width], whose last axis is dense.
template <class T> struct Rows {
    const T *first;
    int64_t heads, strides[3];

    explicit Rows(const at::Tensor &x)
        : first(numbers<T>(x)), heads(x.size(1)), strides{x.stride(0), x.stride(1), x.stride(2)} {}

    // One of a head, which is counted over the batch.
    const T *operator()(int64_t head, int64_t token) const {
        return first + head / heads * strides[0] + head % heads * strides[1] + token * strides[2];
    }
};

struct Sizes {
    int64_t batch, heads, tokens, width, all_heads;

    explicit Sizes(const at::Tensor &x)
        : batch(x.size(0)), heads(x.size(1)), tokens(x.size(2)), width(x.size(3)), all_heads(batch * heads) {}
};

// Numbers [batch, heads, tokens, width] that bfloat16 has exactly, and what they count in.
struct Rounded {
    at::Tensor values, scales;

    Rounded(const at::Tensor &x, at::IntArrayRef scales)
        : values(at::empty(x.sizes(), x.options().dtype(at::kBFloat16))),
          scales(at::empty(scales, x.options().dtype(at::kFloat))) {}

    bfloat16 *out() { return static_cast<bfloat16 *>(values.mutable_data_ptr()); }
    float *scale() { return static_cast<float *>(scales.mutable_data_ptr()); }
};

// Queries, with a scale for each token.
template <class T, class Round> Rounded rounded_queries(const at::Tensor &query, Round round) {
    const Sizes sizes(query);
    const Rows<T> rows(query);
    Rounded result(query, {sizes.batch, sizes.heads, sizes.tokens});
    bfloat16 *out = result.out();
    float *scales = result.scale();
    parallel_for(0, sizes.all_heads * sizes.tokens, grain(sizes.width), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const T *row = rows(i / sizes.tokens, i % sizes.tokens);
            scales[i] = scale_of(largest_in_row(row, sizes.width), Round::largest);
            rounded_row(round, row, scales[i], sizes.width, out + i * sizes.width);
        }
    });
    return result;
}

// The mean over the keys of each head, [batch, heads, width].
template <class T> at::Tensor means(const at::Tensor &key) {
    const Sizes sizes(key);
    const Rows<T> rows(key);
    at::Tensor result = at::empty({sizes.batch, sizes.heads, sizes.width}, key.options().dtype(at::kFloat));
    float *out = static_cast<float *>(result.mutable_data_ptr());
    parallel_for(0, sizes.all_heads, 1, [&](int64_t begin, int64_t end) {
        std::vector<double> sums(sizes.width);
        for (int64_t head = begin; head < end; ++head) {
            std::fill(sums.begin(), sums.end(), 0);
            for (int64_t token = 0; token < sizes.tokens; ++token) add_row(rows(head, token), sizes.width, sums.data());
            for (int64_t i = 0; i < sizes.width; ++i)
                out[head * sizes.width + i] = static_cast<float>(sums[i] / static_cast<double>(sizes.tokens));
        }
    });
    return result;
}

// Keys less their mean, with a scale for each `block` of them, which is told for each key.
template <class T, class Round>
Rounded rounded_keys(const at::Tensor &key, const at::Tensor &mean, int64_t block, Round round) {
    const Sizes sizes(key);
    const Rows<T> rows(key);
    Rounded result(key, {sizes.batch, sizes.heads, sizes.tokens});
    bfloat16 *out = result.out();
    float *scales = result.scale();
    const int64_t blocks = (sizes.tokens + block - 1) / block, width = sizes.width;
    parallel_for(0, sizes.all_heads * blocks, grain(block * width), [&](int64_t begin, int64_t end) {
        std::vector<float> smooth(block * width);
        for (int64_t i = begin; i < end; ++i) {
            const int64_t head = i / blocks, from = i % blocks * block, count = std::min(block, sizes.tokens - from);
            for (int64_t token = 0; token < count; ++token)
                subtracted_row(rows(head, from + token), numbers<float>(mean) + head * width, width,
                               smooth.data() + token * width);
            const float scale = scale_of(largest_in_row(smooth.data(), count * width), Round::largest);
            const int64_t place = head * sizes.tokens + from;
            std::fill_n(scales + place, count, scale);
            rounded_row(round, smooth.data(), scale, count * width, out + place * width);
        }
    });
    return result;
}

// Values, with a scale for each channel of a head or for each item of the batch, which is told for each channel.
template <class T> Rounded rounded_values(const at::Tensor &value, bool channels) {
    const Sizes sizes(value);
    const Rows<T> rows(value);
    const int64_t width = sizes.width;
    Rounded result(value, {sizes.batch, sizes.heads, width});
    bfloat16 *out = result.out();
    float *scales = result.scale();
    parallel_for(0, sizes.all_heads, 1, [&](int64_t begin, int64_t end) {
        for (int64_t head = begin; head < end; ++head) {
            std::fill_n(scales + head * width, width, 0);
            for (int64_t token = 0; token < sizes.tokens; ++token)
                raise_to_row(rows(head, token), width, scales + head * width);
        }
    });
    const int64_t together = channels ? 1 : sizes.heads * width;
    for (float *part = scales; part < scales + sizes.all_heads * width; part += together)
        std::fill_n(part, together, scale_of(largest_of(part, together), largest_e4m3));
    parallel_for(0, sizes.all_heads * sizes.tokens, grain(width), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t head = i / sizes.tokens;
            rounded_channels(rows(head, i % sizes.tokens), scales + head * width, width, out + i * width);
        }
    });
    return result;
}

// Adds what the means of the keys gave to the scores of each token, which makes no difference to the weights.
template <class T> void add_means(const at::Tensor &query, const at::Tensor &mean, double scale, at::Tensor &log_sums) {
    const Sizes sizes(query);
    const Rows<T> rows(query);
    float *out = static_cast<float *>(log_sums.mutable_data_ptr());
    parallel_for(0, sizes.all_heads * sizes.tokens, grain(sizes.width), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t head = i / sizes.tokens;
            const float *other = numbers<float>(mean) + head * sizes.width;
            out[i] += static_cast<float>(scale) * product_of_row(rows(head, i % sizes.tokens), other, sizes.width);
        }
    });
}

using Result = std::tuple<at::Tensor, at::Tensor>;

template <class T, class Round>
Result attend_rounded(const at::Tensor &query, const at::Tensor &key, const Rounded &values, double scale, int64_t key_block,
                      Round round) {
    const at::Tensor mean = means<T>(key);
    const Rounded queries = rounded_queries<T>(query, round), keys = rounded_keys<T>(key, mean, key_block, round);
    auto [out, log_sums] =
        quantized_tiles(queries.values, keys.values, values.values, {queries.scales, keys.scales, values.scales}, scale,
                        std::is_same_v<Round, Int8>);
    add_means<T>(query, mean, scale, log_sums);
    return {out, log_sums};
}

Result quantized_attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, double scale, at::ScalarType codes,
                           int64_t key_block, bool value_channels) {
    TORCH_CHECK(q.dim() == 4 && k.dim() == 4 && k.sizes() == v.sizes() && q.size(0) == k.size(0) &&
                    q.size(1) == k.size(1) && q.size(3) == k.size(3) && q.dtype() == k.dtype() && q.dtype() == v.dtype() &&
                    has_rows(q) && k.is_cpu() && v.is_cpu(),
                "cannot attend from ", q.sizes(), " to keys of ", k.sizes(), " and values of ", v.sizes());
    const bool rounds = codes == at::kChar || codes == at::kFloat8_e4m3fn;
    TORCH_CHECK(rounds || codes == at::kBFloat16 || codes == q.scalar_type(), "queries cannot be rounded to ", codes);
    TORCH_CHECK(!rounds || key_block > 0, "blocks of ", key_block, " keys");
    if (q.numel() == 0 || k.numel() == 0) {
        const double sum = std::log(static_cast<double>(k.size(2)));
        return {at::zeros(q.sizes(), q.options()),
                at::full({q.size(0), q.size(1), q.size(2)}, sum, q.options().dtype(at::kFloat))};
    }
    const at::Tensor query = dense(q), key = dense(k), value = dense(v);
    Result result;
    dispatch(query, [&](auto type) {
        using T = decltype(type);
        const Rounded values = rounded_values<T>(value, value_channels);
        if (codes == at::kChar)
            result = attend_rounded<T>(query, key, values, scale, key_block, Int8());
        else if (codes == at::kFloat8_e4m3fn)
            result = attend_rounded<T>(query, key, values, scale, key_block, E4M3());
        else
            result = quantized_tiles(query, key, values.values.to(q.scalar_type()), {{}, {}, values.scales}, scale,
                                     false);
    });
    return {std::get<0>(result).to(q.scalar_type()), std::get<1>(result)};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(visualgen, m) {
    // Attention over [batch, heads, tokens, width] whose queries and keys are rounded to `codes`, int8 or E4M3, with a scale
    // for each token and for `key_block` keys less their mean, or with another type left as they are; values are E4M3 with a
    // scale for each channel of a head, or for each item of the batch. Second comes log Σ exp(score), as of attention_part.
    m.def("quantized_attention(Tensor query, Tensor key, Tensor value, float scale, ScalarType codes, int key_block, "
          "bool value_channels) -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(visualgen, CPU, m) { m.impl("quantized_attention", quantized_attention); }
