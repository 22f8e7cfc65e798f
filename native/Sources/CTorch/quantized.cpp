// Weights of linear layers in few bits: how floats become E4M3, E2M1 or int8, and products with what those stand for.
//
// The formulas are ModelOpt's, in 32-bit floats with true divisions, ties to even. A scale that would be below the smallest
// normal float is 1, with zeros behind it.
#include "few_bits.h"
#include "products.h"
#include "tile_products.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace ct;

namespace {

// What numbers are divided by, and whether they become zeros instead.
struct Scale {
    float value;
    bool is_too_small;
    explicit Scale(float value)
        : value(value < std::numeric_limits<float>::min() ? 1 : value), is_too_small(value < std::numeric_limits<float>::min()) {}
};

#define CT_DEFINE_ROWS(T)                                                                                              \
    CT_CLONES float largest(const T *in, int64_t count) { return largest_of(in, count); }                              \
    CT_CLONES void to_integers(const T *in, float scale, int64_t count, int8_t *out) {                                 \
        CT_ANY_ORDER                                                                                                   \
        for (int64_t i = 0; i < count; ++i) out[i] = to_int8(load(in[i]) / scale);                                     \
    }                                                                                                                  \
    CT_CLONES void to_e4m3_row(const T *in, float scale, int64_t count, uint8_t *out) {                                \
        CT_ANY_ORDER                                                                                                   \
        for (int64_t i = 0; i < count; ++i) out[i] = to_e4m3(load(in[i]) / scale);                                     \
    }                                                                                                                  \
    CT_CLONES void from_e4m3_row(const uint8_t *in, float scale, int64_t count, T *out) {                              \
        CT_ANY_ORDER                                                                                                   \
        for (int64_t i = 0; i < count; ++i) store(from_e4m3(in[i]) * scale, out[i]);                                   \
    }                                                                                                                  \
    CT_CLONES void from_int8_row(const int8_t *in, float scale, int64_t count, T *out) {                               \
        CT_ANY_ORDER                                                                                                   \
        for (int64_t i = 0; i < count; ++i) store(static_cast<float>(in[i]) * scale, out[i]);                          \
    }                                                                                                                  \
    CT_CLONES void from_e2m1_row(const uint8_t *in, const uint8_t *scales, float scale, int64_t groups, T *out) {      \
        for (int64_t index = 0; index < groups; ++index, in += group / 2, out += group) {                              \
            const float factor = from_e4m3(scales[index]) * scale;                                                     \
            uint8_t codes[group];                                                                                      \
            for (int64_t i = 0; i < group / 2; ++i) {                                                                  \
                codes[2 * i] = in[i] & 15;                                                                             \
                codes[2 * i + 1] = in[i] >> 4;                                                                         \
            }                                                                                                          \
            CT_ANY_ORDER                                                                                               \
            for (int64_t i = 0; i < group; ++i) store(from_e2m1(codes[i]) * factor, out[i]);                           \
        }                                                                                                              \
    }
CT_DEFINE_ROWS(float)
CT_DEFINE_ROWS(half)
CT_DEFINE_ROWS(bfloat16)

// A weight [rows, columns] of floats without gaps.
at::Tensor checked_weight(const at::Tensor &weight) {
    TORCH_CHECK(weight.is_cpu() && weight.dim() == 2 && has_rows(weight), "cannot quantise ", weight.sizes(), " of ",
                weight.scalar_type());
    return weight.contiguous();
}

void require_finite(float largest) { TORCH_CHECK(std::isfinite(largest), "numbers that are not finite cannot be quantised"); }

// The largest magnitude of all numbers; NaN if one is.
at::Tensor largest_magnitude(const at::Tensor &given) {
    const at::Tensor weight = checked_weight(given);
    const int64_t height = weight.size(0), width = weight.size(1);
    at::Tensor result = at::zeros({}, weight.options().dtype(at::kFloat));
    std::vector<float> rows(height);
    dispatch(weight, [&](auto type) {
        const auto *in = numbers<decltype(type)>(weight);
        parallel_for(0, height, grain(width), [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row) rows[row] = largest_in_row(in + row * width, width);
        });
    });
    *static_cast<float *>(result.mutable_data_ptr()) = largest_of(rows.data(), height);
    return result;
}

// E4M3 with a scale for each block of so many rows and columns, of which the last ones may be smaller.
std::tuple<at::Tensor, at::Tensor> quantize_e4m3(const at::Tensor &given, int64_t rows, int64_t columns) {
    const at::Tensor weight = checked_weight(given);
    const int64_t height = weight.size(0), width = weight.size(1);
    TORCH_CHECK(rows > 0 && columns > 0, "blocks of ", rows, " x ", columns);
    const int64_t down = parts(height, rows), across = parts(width, columns);
    at::Tensor codes = at::empty(weight.sizes(), weight.options().dtype(at::kFloat8_e4m3fn));
    at::Tensor scales = at::empty({down, across}, weight.options().dtype(at::kFloat));
    dispatch(weight, [&](auto type) {
        using T = decltype(type);
        const T *in = numbers<T>(weight);
        uint8_t *out = static_cast<uint8_t *>(codes.mutable_data_ptr());
        float *scale_of = static_cast<float *>(scales.mutable_data_ptr());
        const auto left = [&](int64_t part) { return part * columns; };
        const auto count = [&](int64_t part) { return std::min(columns, width - left(part)); };
        std::vector<float> largest(height * across);
        parallel_for(0, height, grain(width), [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row)
                for (int64_t part = 0; part < across; ++part)
                    largest[row * across + part] = largest_in_row(in + row * width + left(part), count(part));
        });
        for (int64_t index = 0; index < down * across; ++index) {
            float most = 0;
            for (int64_t row = index / across * rows; row < std::min(height, (index / across + 1) * rows); ++row) {
                const float own = largest[row * across + index % across];
                require_finite(own);
                most = std::max(most, own);
            }
            scale_of[index] = most / largest_e4m3;
        }
        parallel_for(0, height, grain(width), [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row)
                for (int64_t part = 0; part < across; ++part) {
                    const Scale scale(scale_of[row / rows * across + part]);
                    const int64_t first = row * width + left(part);
                    if (scale.is_too_small)
                        std::fill_n(out + first, count(part), uint8_t{0});
                    else
                        to_e4m3_row(in + first, scale.value, count(part), out + first);
                }
        });
        for (int64_t index = 0; index < down * across; ++index) scale_of[index] = Scale(scale_of[index]).value;
    });
    return {codes, scales};
}

// int8 with a scale for each row.
std::tuple<at::Tensor, at::Tensor> quantize_int8(const at::Tensor &given) {
    const at::Tensor weight = checked_weight(given);
    const int64_t height = weight.size(0), width = weight.size(1);
    at::Tensor values = at::empty(weight.sizes(), weight.options().dtype(at::kChar));
    at::Tensor scales = at::empty({height, 1}, weight.options().dtype(at::kFloat));
    dispatch(weight, [&](auto type) {
        using T = decltype(type);
        const T *in = numbers<T>(weight);
        int8_t *out = static_cast<int8_t *>(values.mutable_data_ptr());
        float *scale_of = static_cast<float *>(scales.mutable_data_ptr());
        parallel_for(0, height, grain(width), [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row) {
                const float largest = largest_in_row(in + row * width, width);
                require_finite(largest);
                const Scale scale(largest / largest_int8);
                scale_of[row] = scale.value;
                if (scale.is_too_small)
                    std::fill_n(out + row * width, width, int8_t{0});
                else
                    to_int8_row(in + row * width, scale.value, width, out + row * width);
            }
        });
    });
    return {values, scales};
}

// E2M1, two codes in a byte, the first one in its low half, and an E4M3 scale for each 16 numbers of a row. Those are scaled once
// more, by `scale`.
std::tuple<at::Tensor, at::Tensor> quantize_e2m1(const at::Tensor &given, double scale) {
    const at::Tensor weight = checked_weight(given);
    const int64_t height = weight.size(0), width = weight.size(1);
    TORCH_CHECK(width % group == 0, "rows of ", width, " numbers are no multiple of ", group);
    at::Tensor codes = at::empty({height, width / 2}, weight.options().dtype(at::kByte));
    at::Tensor scales = at::empty({height, width / group}, weight.options().dtype(at::kFloat8_e4m3fn));
    const Scale whole(static_cast<float>(scale));
    dispatch(weight, [&](auto type) {
        using T = decltype(type);
        const T *in = numbers<T>(weight);
        uint8_t *out = static_cast<uint8_t *>(codes.mutable_data_ptr());
        uint8_t *scale_of = static_cast<uint8_t *>(scales.mutable_data_ptr());
        parallel_for(0, height * width / group, 2048, [&](int64_t begin, int64_t end) {
            for (int64_t index = begin; index < end; ++index) {
                const T *some = in + index * group;
                float largest = largest_of(some, group);
                require_finite(largest);
                float ratio = largest / (largest_e2m1 * whole.value);
                if (ratio == 0 || whole.is_too_small) ratio = 1;
                const uint8_t code = to_e4m3(std::clamp(ratio, 0.001953125f, largest_e4m3));
                const float factor = from_e4m3(code) * whole.value;
                scale_of[index] = code;
                for (int64_t i = 0; i < group; i += 2) {
                    const auto number = [&](int64_t at) -> uint8_t {
                        return whole.is_too_small ? 0 : to_e2m1(load(some[at]) / factor);
                    };
                    out[(index * group + i) / 2] = static_cast<uint8_t>(number(i) | number(i + 1) << 4);
                }
            }
        });
    });
    return {codes, scales};
}

// Writes a row of a weight as floats.
template <class T> void widen(const QuantizedWeight &weight, int64_t row, T *out) {
    const int64_t width = weight.width, across = weight.scales.size(1), first = row / weight.rows * across;
    const auto type = weight.codes.scalar_type();
    if (type == at::kByte)
        return from_e2m1_row(numbers<uint8_t>(weight.codes) + row * width / 2, numbers<uint8_t>(weight.scales) + first,
                             weight.scale, across, out);
    const float *scale_of = numbers<float>(weight.scales) + first;
    for (int64_t index = 0; index < across; ++index) {
        const int64_t left = index * weight.columns, count = std::min(weight.columns, width - left);
        const float scale = scale_of[index] * weight.scale;
        if (type == at::kChar)
            from_int8_row(numbers<int8_t>(weight.codes) + row * width + left, scale, count, out + left);
        else
            from_e4m3_row(numbers<uint8_t>(weight.codes) + row * width + left, scale, count, out + left);
    }
}

// The same of some rows.
void widen(const QuantizedWeight &weight, int64_t from, int64_t count, const at::Tensor &into) {
    dispatch(into, [&](auto type) {
        using T = decltype(type);
        T *out = static_cast<T *>(into.mutable_data_ptr());
        parallel_for(0, count, grain(weight.width), [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row) widen(weight, from + row, out + row * weight.width);
        });
    });
}

// What of a weight's codes and E4M3 scales no weight has: 1 for a code that is no number, 2 for such a scale or one below
// zero, 3 for a scale of zero with other numbers than zeros behind it; 0 for nothing.
int fault_of_e4m3(const uint8_t *codes, int64_t count) {
    int fault = 0;
    for (int64_t i = 0; i < count; ++i) fault |= (codes[i] & 0x7f) == 0x7f;
    return fault;
}

int fault_of_e2m1(const uint8_t *codes, const uint8_t *scales, int64_t groups) {
    for (int64_t index = 0; index < groups; ++index) {
        const uint8_t scale = scales[index];
        if (scale == 0x7f || scale > 0x80) return 2;
        if (scale != 0 && scale != 0x80) continue;
        const uint8_t *own = codes + index * group / 2;
        // Zeros of either sign.
        if (std::any_of(own, own + group / 2, [](uint8_t pair) { return (pair & 0x77) != 0; })) return 3;
    }
    return 0;
}

at::Tensor fault_of_quantized(const at::Tensor &codes, const at::Tensor &scales) {
    const QuantizedWeight weight(codes, scales, 1);
    at::Tensor result = at::zeros({}, codes.options().dtype(at::kFloat));
    const auto type = codes.scalar_type();
    const int64_t half = weight.width / 2, groups = weight.width / group;
    std::vector<int> faults(type == at::kChar ? 0 : weight.height);
    const uint8_t *in = static_cast<const uint8_t *>(weight.codes.const_data_ptr());
    const uint8_t *scale_of = static_cast<const uint8_t *>(weight.scales.const_data_ptr());
    parallel_for(0, faults.size(), grain(weight.width), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
            faults[row] = type == at::kByte ? fault_of_e2m1(in + row * half, scale_of + row * groups, groups)
                                            : fault_of_e4m3(in + row * weight.width, weight.width);
    });
    const auto fault = std::find_if(faults.begin(), faults.end(), [](int fault) { return fault != 0; });
    if (fault != faults.end()) *static_cast<float *>(result.mutable_data_ptr()) = static_cast<float>(*fault);
    return result;
}

at::Tensor dequantize(const at::Tensor &codes, const at::Tensor &scales, double scale, at::ScalarType type) {
    const QuantizedWeight weight(codes, scales, scale);
    at::Tensor result = at::empty({weight.height, weight.width}, codes.options().dtype(type));
    TORCH_CHECK(has_rows(result), "a weight is not widened to ", type);
    widen(weight, 0, weight.height, result);
    return result;
}

}  // namespace

// x·Wᵀ + b. Some rows of the weight at a time are widened, so that no copy of the whole is made.
at::Tensor ct::quantized_linear(const at::Tensor &x, const at::Tensor &codes, const at::Tensor &scales, double scale,
                                const std::optional<at::Tensor> &bias) {
    const QuantizedWeight weight(codes, scales, scale);
    TORCH_CHECK(x.dim() > 0 && x.size(-1) == weight.width && has_rows(x), "cannot multiply ", x.sizes(), " of ",
                x.scalar_type(), " by a weight of ", weight.height, " x ", weight.width);
    const bool is_wide = has_wide_products(x.scalar_type());
    const at::Tensor in = is_wide ? x.to(at::kFloat) : x;
    at::DimVector shape(x.sizes());
    shape.back() = weight.height;
    const at::Tensor result = at::empty(shape, x.options());
    if (multiplies_tiles(x) && codes.scalar_type() != at::kChar) {
        tile_linear_into(result, x, weight, bias);
        return result;
    }
    // The items of a batch by themselves, as everywhere: what comes of one must not depend on those beside it.
    const bool has_items = holds_items(x);
    const int64_t step = quantized_rows_at_once(weight.width);
    for (int64_t start = 0; start < weight.height; start += step) {
        const int64_t count = std::min(step, weight.height - start);
        const at::Tensor part = at::empty({count, weight.width}, in.options());
        widen(weight, start, count, part);
        const auto offset = bias ? std::optional<at::Tensor>(bias->narrow(0, start, count).to(in.scalar_type())) : std::nullopt;
        for (int64_t item = 0; item < (has_items ? x.size(0) : 1); ++item) {
            const auto rows = [&](const at::Tensor &all) {
                return !has_items ? all : x.dim() == 2 ? all.narrow(0, item, 1) : all.select(0, item);
            };
            const at::Tensor into = rows(result).narrow(-1, start, count);
            is_wide ? static_cast<void>(into.copy_(at::linear(rows(in), part, offset)))
                    : linear_into(into, rows(in), part, offset);
        }
    }
    return result;
}

float ct::largest_in_row(const float *in, int64_t count) { return largest(in, count); }
float ct::largest_in_row(const half *in, int64_t count) { return largest(in, count); }
float ct::largest_in_row(const bfloat16 *in, int64_t count) { return largest(in, count); }
void ct::to_int8_row(const float *in, float scale, int64_t count, int8_t *out) { to_integers(in, scale, count, out); }
void ct::to_int8_row(const half *in, float scale, int64_t count, int8_t *out) { to_integers(in, scale, count, out); }
void ct::to_int8_row(const bfloat16 *in, float scale, int64_t count, int8_t *out) { to_integers(in, scale, count, out); }

TORCH_LIBRARY_FRAGMENT(visualgen, m) {
    // Codes and scales [⌈rows⌉, ⌈columns⌉] of a weight, for blocks of so many rows and columns.
    m.def("quantize_e4m3(Tensor weight, int rows, int columns) -> (Tensor, Tensor)");
    // Values and scales [rows, 1].
    m.def("quantize_int8(Tensor weight) -> (Tensor, Tensor)");
    // Codes [rows, columns / 2] and E4M3 scales [rows, columns / 16], which `scale` scales.
    m.def("quantize_e2m1(Tensor weight, float scale) -> (Tensor, Tensor)");
    // A number.
    m.def("largest_magnitude(Tensor weight) -> Tensor");
    // What is wrong with such a weight, as a number; 0 for nothing.
    m.def("fault_of_quantized(Tensor codes, Tensor scales) -> Tensor");
    // What such a weight stands for, as floats.
    m.def("dequantize(Tensor codes, Tensor scales, float scale, ScalarType dtype) -> Tensor");
    m.def("quantized_linear(Tensor x, Tensor codes, Tensor scales, float scale, Tensor? bias) -> Tensor");
}

TORCH_LIBRARY_IMPL(visualgen, CPU, m) {
    m.impl("quantize_e4m3", quantize_e4m3);
    m.impl("quantize_int8", quantize_int8);
    m.impl("quantize_e2m1", quantize_e2m1);
    m.impl("largest_magnitude", largest_magnitude);
    m.impl("fault_of_quantized", fault_of_quantized);
    m.impl("dequantize", dequantize);
    m.impl("quantized_linear", quantized_linear);
}
