// Sequences of a transformer block in one pass over memory. On the CPU each is a loop over rows in float32, on a GPU a kernel of
// the CUDA half; for types and layouts that these do not take, it is the formula of fused.h.
#include "fused.h"
#include "rows.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

using namespace ct;

namespace {

// Vectors as the loops read them.
at::Tensor dense(const at::Tensor &vectors) { return vectors.to(at::kFloat).contiguous(); }

template <class T> CT_INLINE void norm_row(const T *in, const float *scale, const float *shift, float epsilon,
                                           int64_t width, T *out) {
    float sums[lanes] = {};
    int64_t i = 0;
    for (; i + lanes <= width; i += lanes)
        for (int64_t lane = 0; lane < lanes; ++lane) sums[lane] += load(in[i + lane]);
    for (; i < width; ++i) sums[0] += load(in[i]);
    const float mean = total(sums) / width;
    const float factor = 1.0f / __builtin_sqrtf(sum_of_squares(in, mean, width) / width + epsilon);
    for (i = 0; i < width; ++i)
        store((load(in[i]) - mean) * factor * (1 + scale[i]) + shift[i], out[i]);
}

template <class T> CT_INLINE float norm_factor(const T *in, float epsilon, int64_t width) {
    return 1.0f / __builtin_sqrtf(sum_of_squares(in, 0.0f, width) / width + epsilon);
}

template <class T> CT_INLINE void rms_norm_row(const T *in, const float *scale, const float *shift, float epsilon,
                                               int64_t width, T *out) {
    const float factor = norm_factor(in, epsilon, width);
    for (int64_t i = 0; i < width; ++i) store(load(in[i]) * factor * (1 + scale[i]) + shift[i], out[i]);
}

template <class T> CT_INLINE void gate_row(const T *base, const float *gate, const T *in, int64_t width, T *out) {
    for (int64_t i = 0; i < width; ++i)
        store(load(base[i]) + gate[i] * load(in[i]), out[i]);
}

template <class T> CT_INLINE void turn_row(const T *in, const float *weight, const float *cosine, const float *sine,
                                           float factor, int64_t width, T *out) {
    for (int64_t pair = 0; pair < width / 2; ++pair) {
        const float even = load(in[2 * pair]) * factor * weight[2 * pair];
        const float odd = load(in[2 * pair + 1]) * factor * weight[2 * pair + 1];
        store(even * cosine[pair] - odd * sine[pair], out[2 * pair]);
        store(even * sine[pair] + odd * cosine[pair], out[2 * pair + 1]);
    }
}

template <class T> CT_INLINE void rotate_row(const T *in, const float *weight, const float *cosine, const float *sine,
                                             float epsilon, int64_t width, T *out) {
    turn_row(in, weight, cosine, sine, norm_factor(in, epsilon, width), width, out);
}

template <class T> CT_INLINE void rotate_heads(const T *in, const float *weight, const float *cosine,
                                               const float *sine, float epsilon, int64_t heads, int64_t width, T *out) {
    const float factor = norm_factor(in, epsilon, heads * width);
    for (int64_t head = 0; head < heads; ++head)
        turn_row(in + head * width, weight + head * width, cosine, sine, factor, width, out + head * width);
}

// Heads whose halves turn against each other, each by angles of its own.
template <class T> CT_INLINE void rotate_halves(const T *in, const float *weight, const float *cosine, const float *sine,
                                                float epsilon, int64_t heads, int64_t pairs, T *out) {
    const float factor = norm_factor(in, epsilon, 2 * heads * pairs);
    for (int64_t head = 0; head < heads; ++head) {
        const int64_t first = 2 * head * pairs, second = first + pairs, angle = head * pairs;
        for (int64_t i = 0; i < pairs; ++i) {
            const float a = load(in[first + i]) * factor * weight[first + i];
            const float b = load(in[second + i]) * factor * weight[second + i];
            store(a * cosine[angle + i] - b * sine[angle + i], out[first + i]);
            store(b * cosine[angle + i] + a * sine[angle + i], out[second + i]);
        }
    }
}

template <class T> CT_INLINE void rms_silu_row(const T *in, const float *weight, float epsilon, int64_t width, T *out) {
    const float factor = 1.0f / __builtin_sqrtf(sum_of_squares(in, 0.0f, width) / width + epsilon);
    for (int64_t i = 0; i < width; ++i) {
        const float normal = load(in[i]) * factor * weight[i];
        store(gated(normal, normal), out[i]);
    }
}

template <class T> CT_INLINE void silu_times_row(const T *gate, const T *in, int64_t width, T *out) {
    CT_ANY_ORDER
    for (int64_t i = 0; i < width; ++i) {
        const float number = load(gate[i]);
        store(gated(number, number) * load(in[i]), out[i]);
    }
}

#define CT_DEFINE_ROWS(T)                                                                                              \
    CT_CLONES void norm(const T *in, const float *scale, const float *shift, float epsilon, int64_t width, T *out) {   \
        norm_row(in, scale, shift, epsilon, width, out);                                                               \
    }                                                                                                                  \
    CT_CLONES void rms_norm(const T *in, const float *scale, const float *shift, float epsilon, int64_t width, T *out) {\
        rms_norm_row(in, scale, shift, epsilon, width, out);                                                           \
    }                                                                                                                  \
    CT_CLONES void rotate_each(const T *in, const float *weight, const float *cosine, const float *sine,               \
                               float epsilon, int64_t heads, int64_t pairs, T *out) {                                  \
        rotate_halves(in, weight, cosine, sine, epsilon, heads, pairs, out);                                           \
    }                                                                                                                  \
    CT_CLONES void gate(const T *base, const float *gate, const T *in, int64_t width, T *out) {                        \
        gate_row(base, gate, in, width, out);                                                                          \
    }                                                                                                                  \
    CT_CLONES void rotate(const T *in, const float *weight, const float *cosine, const float *sine, float epsilon,     \
                          int64_t width, T *out) {                                                                     \
        rotate_row(in, weight, cosine, sine, epsilon, width, out);                                                     \
    }                                                                                                                  \
    CT_CLONES void rotate(const T *in, const float *weight, const float *cosine, const float *sine, float epsilon,     \
                          int64_t heads, int64_t width, T *out) {                                                      \
        rotate_heads(in, weight, cosine, sine, epsilon, heads, width, out);                                            \
    }                                                                                                                  \
    CT_CLONES void rms_silu(const T *in, const float *weight, float epsilon, int64_t width, T *out) {                  \
        rms_silu_row(in, weight, epsilon, width, out);                                                                 \
    }                                                                                                                  \
    CT_CLONES void silu_times(const T *gate, const T *in, int64_t width, T *out) { silu_times_row(gate, in, width, out); }
CT_DEFINE_ROWS(float)
CT_DEFINE_ROWS(half)
CT_DEFINE_ROWS(bfloat16)

// Runs `body(row, group)` over the rows of x [batch, tokens, width], which fall into equal groups.
template <class Body> void for_each_row(const at::Tensor &x, int64_t groups, Body &&body) {
    const int64_t rows = x.size(0) * x.size(1);
    if (rows == 0) return;
    const int64_t together = rows / groups;
    parallel_for(0, rows, grain(x.numel() / rows), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) body(row, row / together);
    });
}

// The rows of x by `pass(in, scale, shift, out)`.
template <class Pass> at::Tensor modulated(const at::Tensor &x, const Modulation &vectors, at::ScalarType type, Pass &&pass) {
    const int64_t width = x.size(-1);
    const float *scales = numbers<float>(vectors.scale), *shifts = numbers<float>(vectors.shift);
    at::Tensor result = at::empty_like(x);
    dispatch(x, [&](auto number) {
        using T = decltype(number);
        const T *in = numbers<T>(x);
        T *out = static_cast<T *>(result.mutable_data_ptr());
        for_each_row(x, vectors.scale.size(0), [&](int64_t row, int64_t group) {
            pass(in + row * width, scales + group * width, shifts + group * width, out + row * width);
        });
    });
    return result.to(type);
}

at::Tensor modulated_layer_norm(const at::Tensor &x, const at::Tensor &scale, const at::Tensor &shift, double epsilon,
                                at::ScalarType type) {
    const Modulation given = checked_modulation(x, scale, shift), vectors = {dense(given.scale), dense(given.shift)};
    if (!has_rows(x) || !x.is_contiguous()) return formula::modulated_layer_norm(x, vectors, epsilon, type);
    return modulated(x, vectors, type, [&](const auto *in, const float *scales, const float *shifts, auto *out) {
        norm(in, scales, shifts, static_cast<float>(epsilon), x.size(-1), out);
    });
}

at::Tensor modulated_rms_norm(const at::Tensor &x, const at::Tensor &scale, const at::Tensor &shift, double epsilon,
                              at::ScalarType type) {
    const Modulation given = checked_modulation(x, scale, shift), vectors = {dense(given.scale), dense(given.shift)};
    if (!has_rows(x) || !x.is_contiguous()) return formula::modulated_rms_norm(x, vectors, epsilon, type);
    return modulated(x, vectors, type, [&](const auto *in, const float *scales, const float *shifts, auto *out) {
        rms_norm(in, scales, shifts, static_cast<float>(epsilon), x.size(-1), out);
    });
}

at::Tensor gated_add(const at::Tensor &residual, const at::Tensor &vectors, const at::Tensor &x) {
    const at::Tensor factor = dense(checked_gate(residual, vectors, x)), input = x.to(residual.scalar_type());
    if (!has_rows(input) || !input.is_contiguous() || !residual.is_contiguous())
        return formula::gated_add(residual, factor, input);
    const int64_t width = input.size(-1);
    const float *factors = numbers<float>(factor);
    at::Tensor result = at::empty_like(input);
    dispatch(input, [&](auto number) {
        using T = decltype(number);
        const T *base = numbers<T>(residual), *in = numbers<T>(input);
        T *out = static_cast<T *>(result.mutable_data_ptr());
        for_each_row(input, factor.size(0), [&](int64_t row, int64_t group) {
            gate(base + row * width, factors + group * width, in + row * width, width, out + row * width);
        });
    });
    return result;
}

void rotate_into(const at::Tensor &into, const NormedHeads &part, const RotaryTables &tables, double epsilon) {
    const auto &[x, weight] = part;
    if (!has_rows(x) || x.stride(3) != 1) {
        into.copy_(formula::rms_norm_rotary(x, weight, tables, epsilon));
        return;
    }
    const int64_t tokens = x.size(1), heads = x.size(2), width = x.size(3);
    const at::Tensor factors = dense(weight);
    const float *weights = numbers<float>(factors);
    const float *cosines = numbers<float>(tables.cosine), *sines = numbers<float>(tables.sine);
    dispatch(x, [&](auto number) {
        using T = decltype(number);
        const T *in = numbers<T>(x);
        T *out = static_cast<T *>(into.mutable_data_ptr());
        for_each_row(x, x.size(0), [&](int64_t row, int64_t batch) {
            const int64_t token = row - batch * tokens;
            const T *source = in + batch * x.stride(0) + token * x.stride(1);
            T *target = out + batch * into.stride(0) + token * into.stride(1);
            for (int64_t head = 0; head < heads; ++head)
                rotate(source + head * x.stride(2), weights, cosines + token * width / 2, sines + token * width / 2,
                       static_cast<float>(epsilon), width, target + head * width);
        });
    });
}

// The rows of x, one for each token, by `turn(in, weights, cosines, sines, row, out)`; the tables are whole.
template <class Turn>
at::Tensor turned_rows(const at::Tensor &x, const at::Tensor &weight, const RotaryTables &tables, Turn turn) {
    const int64_t row_width = x.numel() / std::max<int64_t>(1, x.size(0) * x.size(1));
    const at::Tensor factors = dense(weight);
    const float *weights = numbers<float>(factors);
    const float *cosines = numbers<float>(tables.cosine), *sines = numbers<float>(tables.sine);
    at::Tensor result = at::empty_like(x);
    dispatch(x, [&](auto number) {
        using T = decltype(number);
        const T *in = numbers<T>(x);
        T *out = static_cast<T *>(result.mutable_data_ptr());
        for_each_row(x, x.size(0), [&](int64_t row, int64_t) {
            turn(in + row * row_width, weights, cosines, sines, row, out + row * row_width);
        });
    });
    return result;
}

at::Tensor joint_rms_norm_rotary(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &cosine,
                                 const at::Tensor &sine, double epsilon) {
    const RotaryTables tables = checked_joint_tables(x, weight, cosine, sine);
    if (!has_rows(x) || !x.is_contiguous()) return formula::joint_rms_norm_rotary(x, weight, tables, epsilon);
    const int64_t tokens = x.size(1), pairs = tables.cosine.size(1), width = x.size(2);
    return turned_rows(x, weight, tables, [=](auto in, auto weights, auto cosines, auto sines, int64_t row, auto out) {
        const int64_t angle = row % tokens * pairs;
        rotate(in, weights, cosines + angle, sines + angle, static_cast<float>(epsilon), width / (2 * pairs), 2 * pairs,
               out);
    });
}

at::Tensor joint_rms_norm_rotary_halves(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &cosine,
                                        const at::Tensor &sine, double epsilon) {
    const RotaryTables tables = checked_head_tables(x, weight, cosine, sine);
    if (!has_rows(x) || !x.is_contiguous()) return formula::joint_rms_norm_rotary_halves(x, weight, tables, epsilon);
    const int64_t tokens = x.size(1), heads = tables.cosine.size(1), pairs = tables.cosine.size(2);
    return turned_rows(x, weight, tables, [=](auto in, auto weights, auto cosines, auto sines, int64_t row, auto out) {
        const int64_t angle = row % tokens * heads * pairs;
        rotate_each(in, weights, cosines + angle, sines + angle, static_cast<float>(epsilon), heads, pairs, out);
    });
}

at::Tensor rms_norm_rotary_halves(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &cosine,
                                  const at::Tensor &sine, double epsilon) {
    const RotaryTables tables = checked_tables_of_halves(x, weight, cosine, sine);
    if (!has_rows(x) || !x.is_contiguous()) return formula::rms_norm_rotary_halves(x, weight, tables, epsilon);
    const int64_t heads = x.size(2), pairs = x.size(3) / 2, tokens = tables.cosine.numel() / pairs;
    return turned_rows(x, weight, tables, [=](auto in, auto weights, auto cosines, auto sines, int64_t row, auto out) {
        const int64_t angle = row % tokens * pairs;
        for (int64_t at = 0; at < heads * 2 * pairs; at += 2 * pairs)
            rotate_each(in + at, weights, cosines + angle, sines + angle, static_cast<float>(epsilon), 1, pairs, out + at);
    });
}

at::Tensor rms_norm_silu(const at::Tensor &x, const at::Tensor &weight, double epsilon) {
    check_norm(x, weight);
    if (!has_rows(x) || !x.is_contiguous()) return formula::rms_norm_silu(x, weight, epsilon);
    const int64_t width = x.size(-1), rows = x.numel() / std::max<int64_t>(1, width);
    const at::Tensor factors = dense(weight);
    const float *weights = numbers<float>(factors);
    at::Tensor result = at::empty_like(x);
    dispatch(x, [&](auto number) {
        using T = decltype(number);
        const T *in = numbers<T>(x);
        T *out = static_cast<T *>(result.mutable_data_ptr());
        parallel_for(0, rows, grain(width), [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row)
                rms_silu(in + row * width, weights, static_cast<float>(epsilon), width, out + row * width);
        });
    });
    return result;
}

at::Tensor swiglu(const at::Tensor &gate, const at::Tensor &x, const std::optional<at::Tensor> &other) {
    check_swiglu(gate, x, other);
    if (!has_rows(x) || gate.stride(2) != 1 || x.stride(2) != 1) return formula::swiglu(gate, x, other);
    const at::Tensor front = other ? other->contiguous() : at::Tensor();
    const int64_t tokens = x.size(1), width = x.size(2), before = other ? front.size(2) : 0;
    at::Tensor result = at::empty({x.size(0), tokens, before + width}, x.options());
    dispatch(x, [&](auto number) {
        using T = decltype(number);
        const T *gates = numbers<T>(gate), *in = numbers<T>(x), *beside = before ? numbers<T>(front) : nullptr;
        T *out = static_cast<T *>(result.mutable_data_ptr());
        for_each_row(result, x.size(0), [&](int64_t row, int64_t batch) {
            const int64_t token = row - batch * tokens;
            T *target = out + row * (before + width);
            if (before) std::copy_n(beside + row * before, before, target);
            silu_times(gates + batch * gate.stride(0) + token * gate.stride(1), in + batch * x.stride(0) + token * x.stride(1),
                   width, target + before);
        });
    });
    return result;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(visualgen, m) {
    // layerNorm(x) * (1 + scale) + shift, of a type that is asked for; x is [batch, tokens, width], scale and shift are
    // [batch, width], or [batch, groups, width] for equal groups of tokens in a row.
    m.def("modulated_layer_norm(Tensor x, Tensor scale, Tensor shift, float epsilon, ScalarType dtype) -> Tensor");
    // The same of rmsNorm(x).
    m.def("modulated_rms_norm(Tensor x, Tensor scale, Tensor shift, float epsilon, ScalarType dtype) -> Tensor");
    // residual + gate * x, of the residual's type; gate is as scale and shift above.
    m.def("gated_add(Tensor residual, Tensor gate, Tensor x) -> Tensor");
    // rmsNorm(x) * weight over each head, then the rotation of interleaved pairs by the angles of `cosine` and `sine`.
    // x is [batch, tokens, heads, width], the tables [tokens, width / 2] in float32. Behind x may come y with a weight of its own:
    // the tables have the tokens of both.
    m.def("rms_norm_rotary(Tensor x, Tensor weight, Tensor? y, Tensor? y_weight, Tensor cosine, Tensor sine, float epsilon) "
          "-> Tensor");
    // The same with one norm over all heads of a token: x is [batch, tokens, heads * width], weight [heads * width].
    m.def("joint_rms_norm_rotary(Tensor x, Tensor weight, Tensor cosine, Tensor sine, float epsilon) -> Tensor");
    // The same for heads whose halves turn against each other, each by angles of its own: tables of [tokens, heads, width / 2].
    m.def("joint_rms_norm_rotary_halves(Tensor x, Tensor weight, Tensor cosine, Tensor sine, float epsilon) -> Tensor");
    // Of heads by themselves, [batch, tokens, heads, width], that turn by the same angles: tables of [tokens, width / 2], or of one
    // for each item.
    m.def("rms_norm_rotary_halves(Tensor x, Tensor weight, Tensor cosine, Tensor sine, float epsilon) -> Tensor");
    // silu(rmsNorm(x) * weight) over the last axis.
    m.def("rms_norm_silu(Tensor x, Tensor weight, float epsilon) -> Tensor");
    // silu(gate) * x, of [batch, tokens, width], behind another tensor of the same rows if there is one.
    m.def("swiglu(Tensor gate, Tensor x, Tensor? beside) -> Tensor");
}

TORCH_LIBRARY_IMPL(visualgen, CPU, m) {
    m.impl("modulated_layer_norm", modulated_layer_norm);
    m.impl("modulated_rms_norm", modulated_rms_norm);
    m.impl("gated_add", gated_add);
    m.impl("rms_norm_rotary", rotated<rotate_into>);
    m.impl("joint_rms_norm_rotary", joint_rms_norm_rotary);
    m.impl("joint_rms_norm_rotary_halves", joint_rms_norm_rotary_halves);
    m.impl("rms_norm_rotary_halves", rms_norm_rotary_halves);
    m.impl("rms_norm_silu", rms_norm_silu);
    m.impl("swiglu", swiglu);
}
