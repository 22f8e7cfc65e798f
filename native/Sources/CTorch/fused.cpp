// Sequences of a transformer block in one pass over memory. On the CPU each is a loop over rows in float32, on a GPU a kernel
// of the CUDA half; for types and layouts that these do not take, it is the same formula in LibTorch's operations.
#include "cuda.h"
#include "rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/complex.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/result_type.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/view_as_real.h>

using namespace ct;

namespace {

// Vectors of [batch, width] or [batch, groups, width] that stand beside the rows of x [batch, tokens, width]: as
// [batch * groups, width], each for as many rows in a row as all have. For a loop they are dense and in float32.
at::Tensor modulation(const at::Tensor &vectors, const at::Tensor &x) {
    const bool is_grouped = vectors.dim() == 3 && vectors.size(1) > 0 && x.size(1) % vectors.size(1) == 0;
    TORCH_CHECK((vectors.dim() == 2 || is_grouped) && vectors.size(0) == x.size(0) && vectors.size(-1) == x.size(-1),
                "a modulation of shape ", vectors.sizes(), " does not fit ", x.sizes());
    const at::Tensor flat = is_grouped ? vectors.flatten(0, 1) : vectors;
    return x.is_cpu() ? flat.to(at::kFloat).contiguous() : flat;
}

// x [batch, tokens, width] as [vectors, rows, width], so that the vectors broadcast.
at::Tensor grouped(const at::Tensor &x, const at::Tensor &vectors) {
    return x.reshape({vectors.size(0), x.size(0) * x.size(1) / std::max<int64_t>(1, vectors.size(0)), x.size(2)});
}

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

template <class T> CT_INLINE void gate_row(const T *base, const float *gate, const T *in, int64_t width, T *out) {
    for (int64_t i = 0; i < width; ++i)
        store(load(base[i]) + gate[i] * load(in[i]), out[i]);
}

template <class T> CT_INLINE float norm_factor(const T *in, float epsilon, int64_t width) {
    return 1.0f / __builtin_sqrtf(sum_of_squares(in, 0.0f, width) / width + epsilon);
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

template <class T> CT_INLINE void rms_silu_row(const T *in, const float *weight, float epsilon, int64_t width, T *out) {
    const float factor = 1.0f / __builtin_sqrtf(sum_of_squares(in, 0.0f, width) / width + epsilon);
    for (int64_t i = 0; i < width; ++i) {
        const float normal = load(in[i]) * factor * weight[i];
        store(gated(normal, normal), out[i]);
    }
}

#define CT_DEFINE_ROWS(T)                                                                                              \
    CT_CLONES void norm(const T *in, const float *scale, const float *shift, float epsilon, int64_t width, T *out) {   \
        norm_row(in, scale, shift, epsilon, width, out);                                                               \
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
    }
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

template <class T> void modulated_layer_norm(const at::Tensor &x, const at::Tensor &scale, const at::Tensor &shift,
                                             double epsilon, at::Tensor &result) {
    const int64_t width = x.size(-1);
    const T *in = numbers<T>(x);
    const float *scales = numbers<float>(scale), *shifts = numbers<float>(shift);
    T *out = static_cast<T *>(result.mutable_data_ptr());
    for_each_row(x, scale.size(0), [&](int64_t row, int64_t group) {
        norm(in + row * width, scales + group * width, shifts + group * width, static_cast<float>(epsilon), width,
             out + row * width);
    });
}

template <class T> void gated_add(const at::Tensor &residual, const at::Tensor &factor, const at::Tensor &x,
                                  at::Tensor &result) {
    const int64_t width = x.size(-1);
    const T *base = numbers<T>(residual), *in = numbers<T>(x);
    const float *factors = numbers<float>(factor);
    T *out = static_cast<T *>(result.mutable_data_ptr());
    for_each_row(x, factor.size(0), [&](int64_t row, int64_t group) {
        gate(base + row * width, factors + group * width, in + row * width, width, out + row * width);
    });
}

template <class T> void rms_norm_rotary(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &cosine,
                                        const at::Tensor &sine, double epsilon, at::Tensor &result) {
    const int64_t tokens = x.size(1), heads = x.size(2), width = x.size(3);
    const T *in = numbers<T>(x);
    const float *weights = numbers<float>(weight), *cosines = numbers<float>(cosine), *sines = numbers<float>(sine);
    T *out = static_cast<T *>(result.mutable_data_ptr());
    for_each_row(x, x.size(0), [&](int64_t row, int64_t batch) {
        const int64_t token = row - batch * tokens;
        const T *source = in + batch * x.stride(0) + token * x.stride(1);
        for (int64_t head = 0; head < heads; ++head)
            rotate(source + head * x.stride(2), weights, cosines + token * width / 2, sines + token * width / 2,
                   static_cast<float>(epsilon), width, out + (row * heads + head) * width);
    });
}

template <class T> void joint_rms_norm_rotary(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &cosine,
                                              const at::Tensor &sine, double epsilon, at::Tensor &result) {
    const int64_t tokens = x.size(1), pairs = cosine.size(1), row_width = x.size(2);
    const T *in = numbers<T>(x);
    const float *weights = numbers<float>(weight), *cosines = numbers<float>(cosine), *sines = numbers<float>(sine);
    T *out = static_cast<T *>(result.mutable_data_ptr());
    for_each_row(x, x.size(0), [&](int64_t row, int64_t batch) {
        const int64_t token = row - batch * tokens;
        rotate(in + row * row_width, weights, cosines + token * pairs, sines + token * pairs,
               static_cast<float>(epsilon), row_width / (2 * pairs), 2 * pairs, out + row * row_width);
    });
}

// [.., pairs, 2] turned by the angles of tables that broadcast, flattened: products of complex numbers.
at::Tensor turned(const at::Tensor &pairs, const at::Tensor &cosine, const at::Tensor &sine) {
    return at::view_as_real(at::view_as_complex(pairs) * at::complex(cosine, sine)).flatten(-2);
}

template <class T> void rms_norm_silu(const at::Tensor &x, const at::Tensor &weight, double epsilon, at::Tensor &result) {
    const int64_t width = x.size(-1), rows = x.numel() / std::max<int64_t>(1, width);
    const T *in = numbers<T>(x);
    const float *weights = numbers<float>(weight);
    T *out = static_cast<T *>(result.mutable_data_ptr());
    parallel_for(0, rows, grain(width), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
            rms_silu(in + row * width, weights, static_cast<float>(epsilon), width, out + row * width);
    });
}

}  // namespace

ct_tensor ct_modulated_layer_norm(ct_tensor x, ct_tensor scale, ct_tensor shift, double epsilon, ct_dtype dtype) {
    return guard([&] {
        const at::ScalarType result_type = scalar_type(dtype);
        const at::Tensor &input = borrow(x);
        TORCH_CHECK(input.dim() == 3, "expected [batch, tokens, width], got ", input.sizes());
        const at::Tensor a = modulation(borrow(scale), input), b = modulation(borrow(shift), input);
        TORCH_CHECK(a.sizes() == b.sizes(), "a scale of ", a.sizes(), " beside a shift of ", b.sizes());
        if (input.is_cuda())
            if (auto result = cuda().modulated_layer_norm(input, a, b, epsilon, result_type)) return *std::move(result);
        if (!has_rows(input) || !input.is_contiguous()) {
            // A GPU's kernels compute in float32 in any case; every tensor between two of them is a pass over memory.
            const at::ScalarType type = at::result_type(input, a);
            const at::Tensor rows = grouped(input.to(type), a), factor = 1 + a.to(type), summand = b.to(type);
            const at::IntArrayRef width = rows.sizes().slice(2);
            const at::Tensor result =
                factor.size(0) == 1
                    ? at::layer_norm(rows, width, factor[0], summand[0], epsilon)
                    : at::addcmul(summand.unsqueeze(1), at::layer_norm(rows, width, {}, {}, epsilon), factor.unsqueeze(1));
            return result.view(input.sizes()).to(result_type);
        }
        at::Tensor result = at::empty_like(input);
        dispatch(input, [&](auto type) { modulated_layer_norm<decltype(type)>(input, a, b, epsilon, result); });
        return result.to(result_type);
    });
}

ct_tensor ct_gated_add(ct_tensor residual, ct_tensor gate, ct_tensor x) {
    return guard([&] {
        const at::Tensor &base = borrow(residual);
        TORCH_CHECK(base.dim() == 3 && base.sizes() == borrow(x).sizes(), "cannot add ", borrow(x).sizes(),
                    " to a residual of ", base.sizes());
        const at::Tensor factor = modulation(borrow(gate), base);
        if (base.is_cuda())
            if (auto result = cuda().gated_add(base, factor, borrow(x))) return *std::move(result);
        const at::Tensor input = borrow(x).to(base.scalar_type());
        if (!has_rows(input) || !input.is_contiguous() || !base.is_contiguous()) {
            const at::Tensor sum = at::addcmul(grouped(base, factor), factor.unsqueeze(1), grouped(input, factor));
            return sum.view(input.sizes()).to(input.scalar_type());
        }
        at::Tensor result = at::empty_like(input);
        dispatch(input, [&](auto type) { gated_add<decltype(type)>(base, factor, input, result); });
        return result;
    });
}

ct_tensor ct_rms_norm_rotary(ct_tensor x, ct_tensor weight, ct_tensor cosine, ct_tensor sine, double epsilon) {
    return guard([&] {
        const at::Tensor &input = borrow(x);
        TORCH_CHECK(input.dim() == 4 && input.size(3) % 2 == 0, "expected [batch, tokens, heads, width], got ",
                    input.sizes());
        const int64_t tokens = input.size(1), width = input.size(3);
        const at::Tensor c = borrow(cosine).to(at::kFloat).contiguous(), s = borrow(sine).to(at::kFloat).contiguous();
        TORCH_CHECK(borrow(weight).numel() == width, "the norm has ", borrow(weight).numel(), " weights for a width of ",
                    width);
        TORCH_CHECK(c.numel() == tokens * width / 2 && s.numel() == c.numel(), "rotary tables of ", c.sizes(),
                    " do not fit ", input.sizes());
        if (input.is_cuda())
            if (auto result = cuda().rms_norm_rotary(input, borrow(weight), c, s, epsilon)) return *std::move(result);
        const at::Tensor weights = borrow(weight).to(at::kFloat).contiguous();
        if (!has_rows(input) || input.stride(3) != 1) {
            const at::Tensor normal = at::rms_norm(input.to(at::kFloat), {width}, weights, epsilon)
                                          .unflatten(3, {width / 2, 2});
            return turned(normal, c.view({tokens, 1, width / 2}), s.view({tokens, 1, width / 2}))
                .to(input.scalar_type());
        }
        at::Tensor result = at::empty(input.sizes(), input.options());
        dispatch(input, [&](auto type) { rms_norm_rotary<decltype(type)>(input, weights, c, s, epsilon, result); });
        return result;
    });
}

ct_tensor ct_joint_rms_norm_rotary(ct_tensor x, ct_tensor weight, ct_tensor cosine, ct_tensor sine, double epsilon) {
    return guard([&] {
        const at::Tensor &input = borrow(x);
        const at::Tensor c = borrow(cosine).to(at::kFloat).contiguous(), s = borrow(sine).to(at::kFloat).contiguous();
        TORCH_CHECK(input.dim() == 3 && c.dim() == 2 && c.size(0) == input.size(1) && c.size(1) > 0 &&
                        input.size(2) % (2 * c.size(1)) == 0 && s.sizes() == c.sizes(),
                    "rotary tables of ", c.sizes(), " do not fit ", input.sizes());
        TORCH_CHECK(borrow(weight).numel() == input.size(2), "the norm has ", borrow(weight).numel(), " weights for ",
                    input.sizes());
        if (input.is_cuda())
            if (auto result = cuda().joint_rms_norm_rotary(input, borrow(weight), c, s, epsilon)) return *std::move(result);
        const at::Tensor weights = borrow(weight).to(at::kFloat).contiguous();
        if (!has_rows(input) || !input.is_contiguous()) {
            const at::Tensor normal = at::rms_norm(input.to(at::kFloat), {input.size(2)}, weights, epsilon);
            return turned(normal.unflatten(2, {-1, c.size(1), 2}), c.unsqueeze(1), s.unsqueeze(1))
                .flatten(2)
                .to(input.scalar_type());
        }
        at::Tensor result = at::empty_like(input);
        dispatch(input,
                 [&](auto type) { joint_rms_norm_rotary<decltype(type)>(input, weights, c, s, epsilon, result); });
        return result;
    });
}

ct_tensor ct_rms_norm_silu(ct_tensor x, ct_tensor weight, double epsilon) {
    return guard([&] {
        const at::Tensor &input = borrow(x);
        TORCH_CHECK(input.dim() > 0 && borrow(weight).dim() == 1 && borrow(weight).size(0) == input.size(-1),
                    "the norm has ", borrow(weight).numel(), " weights for ", input.sizes());
        if (input.is_cuda())
            if (auto result = cuda().rms_norm_silu(input, borrow(weight), epsilon)) return *std::move(result);
        const at::Tensor weights = borrow(weight).to(at::kFloat).contiguous();
        if (!has_rows(input) || !input.is_contiguous()) {
            const at::Tensor normal = at::rms_norm(input.to(at::kFloat), {input.size(-1)}, weights, epsilon);
            return at::silu(normal).to(input.scalar_type());
        }
        at::Tensor result = at::empty_like(input);
        dispatch(input, [&](auto type) { rms_norm_silu<decltype(type)>(input, weights, epsilon, result); });
        return result;
    });
}
