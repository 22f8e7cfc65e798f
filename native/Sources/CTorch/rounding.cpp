// Inputs of quantised products: floats rounded to those that E4M3, E2M1 or int8 can stand for on a scale.
//
// Without a scale each part of a token has its own, of its largest number, or each item of a batch.
#include "few_bits.h"

#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <vector>

using namespace ct;

namespace {

template <class T, class Round> CT_INLINE void round_part(Round round, const T *in, float scale, int64_t count, T *out) {
    CT_ANY_ORDER
    for (int64_t i = 0; i < count; ++i) store(round(load(in[i]) / scale) * scale, out[i]);
}

#define CT_DEFINE_ROWS(T)                                                                                              \
    CT_CLONES void rounded_part(E4M3 round, const T *in, float scale, int64_t count, T *out) {                         \
        round_part(round, in, scale, count, out);                                                                      \
    }                                                                                                                  \
    CT_CLONES void rounded_part(Int8 round, const T *in, float scale, int64_t count, T *out) {                         \
        round_part(round, in, scale, count, out);                                                                      \
    }                                                                                                                  \
    CT_CLONES void rounded_groups(const T *in, float scale, int64_t count, T *out) {                                   \
        for (int64_t first = 0; first < count; first += group) {                                                       \
            const float ratio = largest_of(in + first, group) / (largest_e2m1 * scale);                                \
            float local = from_e4m3(to_e4m3(ratio)) * scale;                                                           \
            if (local < 1e-5f) local = 1;                                                                              \
            for (int64_t i = first; i < first + group; ++i) {                                                          \
                const float number = load(in[i]) / local;                                                              \
                store(from_e2m1(to_e2m1(number)) * local, out[i]);                                                     \
            }                                                                                                          \
        }                                                                                                              \
    }
CT_DEFINE_ROWS(float)
CT_DEFINE_ROWS(half)
CT_DEFINE_ROWS(bfloat16)

at::Tensor checked(const at::Tensor &x, int64_t part) {
    TORCH_CHECK(x.is_cpu() && has_rows(x) && x.dim() > 0 && part >= 0, "cannot round ", x.sizes(), " of ", x.scalar_type(),
                " in parts of ", part);
    return x.contiguous();
}

// Numbers of one item of a batch, which is the first axis.
int64_t item_size(const at::Tensor &x) { return x.dim() == 1 ? x.numel() : x.numel() / x.size(0); }

// The largest magnitude of each item.
template <class T> std::vector<float> largest_of_items(const T *in, int64_t count, int64_t size, int64_t width) {
    std::vector<float> rows(count / width), items(count / size);
    parallel_for(0, count / width, grain(width), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) rows[row] = largest_in_row(in + row * width, width);
    });
    for (size_t row = 0; row < rows.size(); ++row) {
        float &item = items[row * width / size];
        item = item >= rows[row] ? item : rows[row];
    }
    return items;
}

// A tensor of which `round(in, largest, width, out)` makes each row. `largest` is the largest magnitude of the row's item of the
// batch, or 0 where scales are not `of_items`.
template <class Round> at::Tensor rounded_rows(const at::Tensor &x, bool of_items, Round &&round) {
    const at::Tensor result = at::empty(x.sizes(), x.options());
    if (x.numel() == 0) return result;
    const int64_t width = x.size(-1), size = item_size(x);
    dispatch(x, [&](auto type) {
        using T = decltype(type);
        const T *in = numbers<T>(x);
        T *out = static_cast<T *>(result.mutable_data_ptr());
        const auto items = of_items ? largest_of_items(in, x.numel(), size, width) : std::vector<float>();
        parallel_for(0, x.numel() / width, grain(width), [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row)
                round(in + row * width, of_items ? items[row * width / size] : 0.0f, width, out + row * width);
        });
    });
    return result;
}

// A scale for `part` numbers each, of which the last of a row may be fewer, or for each item of a batch where that is 0; or
// one that is given.
template <class Round> at::Tensor rounded(const at::Tensor &x, int64_t part, double scale, Round round) {
    const bool of_items = scale <= 0 && part == 0;
    return rounded_rows(checked(x, part), of_items, [=](const auto *in, float of_item, int64_t width, auto *out) {
        const int64_t step = part > 0 ? part : width;
        for (int64_t left = 0; left < width; left += step) {
            const int64_t count = std::min(step, width - left);
            const auto own = [&] {
                const float largest = of_items ? of_item : largest_in_row(in + left, count);
                return largest == 0 ? 1 : largest / Round::largest;
            };
            rounded_part(round, in + left, scale > 0 ? static_cast<float>(scale) : own(), count, out + left);
        }
    });
}

at::Tensor round_e4m3(const at::Tensor &x, int64_t part, double scale) { return rounded(x, part, scale, E4M3{}); }

at::Tensor round_e2m1(const at::Tensor &given, double scale) {
    const at::Tensor x = checked(given, group);
    TORCH_CHECK(x.size(-1) % group == 0, "rows of ", x.size(-1), " numbers are no multiple of ", group);
    return rounded_rows(x, scale <= 0, [=](const auto *in, float of_item, int64_t width, auto *out) {
        const float own = scale > 0 ? static_cast<float>(scale) : of_item / (largest_e2m1 * largest_e4m3);
        rounded_groups(in, own == 0 ? 1 : own, width, out);
    });
}

}  // namespace

at::Tensor ct::round_int8(const at::Tensor &x, int64_t part, double scale) { return rounded(x, part, scale, Int8{}); }

TORCH_LIBRARY_FRAGMENT(visualgen, m) {
    // The nearest numbers that E4M3 or int8 has on a scale; with a scale of 0, on one for each `part` numbers of a row, or, if
    // that is 0 too, for each item of a batch.
    m.def("round_e4m3(Tensor x, int part, float scale) -> Tensor");
    m.def("round_int8(Tensor x, int part, float scale) -> Tensor");
    // The same of E2M1, whose scales for 16 numbers are E4M3 on a scale; with one of 0, on that of each item.
    m.def("round_e2m1(Tensor x, float scale) -> Tensor");
}

TORCH_LIBRARY_IMPL(visualgen, CPU, m) {
    m.impl("round_e4m3", round_e4m3);
    m.impl("round_int8", round_int8);
    m.impl("round_e2m1", round_e2m1);
}
