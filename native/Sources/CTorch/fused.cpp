// Sequences of a transformer block in one pass over memory. On the CPU each is a loop over rows in float32; elsewhere, and
// for layouts a loop would have to copy, it is the same formula in LibTorch's operations.
#include "support.h"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/stack.h>

#include <cmath>

using namespace ct;

namespace {

// Rows that one thread takes at a time: about 32,768 elements, as in LibTorch's own loops.
int64_t grain(int64_t width) { return std::max<int64_t>(1, 32768 / std::max<int64_t>(1, width)); }

// A tensor's numbers. Not `const_data_ptr<T>()`, whose name clang and the compiler that built LibTorch mangle differently.
template <class T> const T *numbers(const at::Tensor &tensor) { return static_cast<const T *>(tensor.const_data_ptr()); }

// A [batch, width] vector, in float32 and dense, that a loop reads beside each row of x [batch, tokens, width].
at::Tensor per_batch(const at::Tensor &vector, const at::Tensor &x) {
    TORCH_CHECK(vector.dim() == 2 && vector.size(0) == x.size(0) && vector.size(1) == x.size(-1),
                "a modulation of shape ", vector.sizes(), " does not fit ", x.sizes());
    return vector.to(at::kFloat).contiguous();
}

template <class T> void modulated_layer_norm(const at::Tensor &x, const at::Tensor &scale, const at::Tensor &shift,
                                             double epsilon, at::Tensor &result) {
    const int64_t width = x.size(-1), tokens = x.size(1), rows = x.size(0) * tokens;
    const T *source = numbers<T>(x);
    T *target = static_cast<T *>(result.mutable_data_ptr());
    const float *scales = numbers<float>(scale), *shifts = numbers<float>(shift);
    at::parallel_for(0, rows, grain(width), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            const T *in = source + row * width;
            T *out = target + row * width;
            const float *a = scales + row / tokens * width, *b = shifts + row / tokens * width;
            // Eight partial sums: independent chains for the compiler to vectorise, and less rounding than one.
            constexpr int64_t lanes = 8;
            float sums[lanes] = {};
            int64_t i = 0;
            for (; i + lanes <= width; i += lanes)
                for (int64_t lane = 0; lane < lanes; ++lane) sums[lane] += static_cast<float>(in[i + lane]);
            for (; i < width; ++i) sums[0] += static_cast<float>(in[i]);
            float sum = 0;
            for (float partial : sums) sum += partial;
            const float mean = sum / width;
            float squares[lanes] = {};
            for (i = 0; i + lanes <= width; i += lanes)
                for (int64_t lane = 0; lane < lanes; ++lane) {
                    const float distance = static_cast<float>(in[i + lane]) - mean;
                    squares[lane] += distance * distance;
                }
            for (; i < width; ++i) squares[0] += (static_cast<float>(in[i]) - mean) * (static_cast<float>(in[i]) - mean);
            float variance = 0;
            for (float partial : squares) variance += partial;
            const float factor = 1.0f / std::sqrt(variance / width + static_cast<float>(epsilon));
            for (i = 0; i < width; ++i)
                out[i] = static_cast<T>((static_cast<float>(in[i]) - mean) * factor * (1 + a[i]) + b[i]);
        }
    });
}

template <class T> void gated_add(const at::Tensor &residual, const at::Tensor &gate, const at::Tensor &x,
                                  at::Tensor &result) {
    const int64_t width = x.size(-1), tokens = x.size(1), rows = x.size(0) * tokens;
    const T *base = numbers<T>(residual), *source = numbers<T>(x);
    T *target = static_cast<T *>(result.mutable_data_ptr());
    const float *gates = numbers<float>(gate);
    at::parallel_for(0, rows, grain(width), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            const float *factor = gates + row / tokens * width;
            for (int64_t i = 0; i < width; ++i) {
                const int64_t at = row * width + i;
                target[at] = static_cast<T>(static_cast<float>(base[at]) + factor[i] * static_cast<float>(source[at]));
            }
        }
    });
}

template <class T> void rms_norm_rotary(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &cosine,
                                        const at::Tensor &sine, double epsilon, at::Tensor &result) {
    const int64_t tokens = x.size(1), heads = x.size(2), width = x.size(3), rows = x.size(0) * tokens;
    const T *source = numbers<T>(x);
    T *target = static_cast<T *>(result.mutable_data_ptr());
    const int64_t batch_stride = x.stride(0), token_stride = x.stride(1), head_stride = x.stride(2);
    const float *weights = numbers<float>(weight);
    const float *cosines = numbers<float>(cosine), *sines = numbers<float>(sine);
    at::parallel_for(0, rows, grain(heads * width), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            const int64_t token = row % tokens;
            const float *c = cosines + token * width / 2, *s = sines + token * width / 2;
            for (int64_t head = 0; head < heads; ++head) {
                const T *in = source + row / tokens * batch_stride + token * token_stride + head * head_stride;
                T *out = target + (row * heads + head) * width;
                float squares = 0;
                for (int64_t i = 0; i < width; ++i) squares += static_cast<float>(in[i]) * static_cast<float>(in[i]);
                const float factor = 1.0f / std::sqrt(squares / width + static_cast<float>(epsilon));
                for (int64_t pair = 0; pair < width / 2; ++pair) {
                    const float even = static_cast<float>(in[2 * pair]) * factor * weights[2 * pair];
                    const float odd = static_cast<float>(in[2 * pair + 1]) * factor * weights[2 * pair + 1];
                    out[2 * pair] = static_cast<T>(even * c[pair] - odd * s[pair]);
                    out[2 * pair + 1] = static_cast<T>(even * s[pair] + odd * c[pair]);
                }
            }
        }
    });
}

}  // namespace

ct_tensor ct_modulated_layer_norm(ct_tensor x, ct_tensor scale, ct_tensor shift, double epsilon) {
    return guard([&] {
        const at::Tensor &input = borrow(x);
        TORCH_CHECK(input.dim() == 3, "expected [batch, tokens, width], got ", input.sizes());
        const at::Tensor a = per_batch(borrow(scale), input), b = per_batch(borrow(shift), input);
        if (!input.is_cpu() || !input.is_contiguous()) {
            const at::Tensor normal = at::layer_norm(input.to(at::kFloat), {input.size(-1)}, {}, {}, epsilon);
            return (normal * (1 + a.unsqueeze(1)) + b.unsqueeze(1)).to(input.scalar_type());
        }
        at::Tensor result = at::empty_like(input);
        AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, input.scalar_type(), "modulated_layer_norm",
                                        [&] { modulated_layer_norm<scalar_t>(input, a, b, epsilon, result); });
        return result;
    });
}

ct_tensor ct_gated_add(ct_tensor residual, ct_tensor gate, ct_tensor x) {
    return guard([&] {
        const at::Tensor &base = borrow(residual), &input = borrow(x);
        TORCH_CHECK(input.dim() == 3 && base.sizes() == input.sizes() && base.dtype() == input.dtype(),
                    "cannot add ", input.sizes(), " to a residual of ", base.sizes());
        const at::Tensor factor = per_batch(borrow(gate), input);
        if (!input.is_cpu() || !input.is_contiguous() || !base.is_contiguous())
            return (base.to(at::kFloat) + factor.unsqueeze(1) * input).to(input.scalar_type());
        at::Tensor result = at::empty_like(input);
        AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, input.scalar_type(), "gated_add",
                                        [&] { gated_add<scalar_t>(base, factor, input, result); });
        return result;
    });
}

ct_tensor ct_rms_norm_rotary(ct_tensor x, ct_tensor weight, ct_tensor cosine, ct_tensor sine, double epsilon) {
    return guard([&] {
        const at::Tensor &input = borrow(x);
        TORCH_CHECK(input.dim() == 4 && input.size(3) % 2 == 0, "expected [batch, tokens, heads, width], got ",
                    input.sizes());
        const int64_t tokens = input.size(1), width = input.size(3);
        const at::Tensor weights = borrow(weight).to(at::kFloat).contiguous();
        const at::Tensor c = borrow(cosine).to(at::kFloat).contiguous(), s = borrow(sine).to(at::kFloat).contiguous();
        TORCH_CHECK(weights.numel() == width, "the norm has ", weights.numel(), " weights for a width of ", width);
        TORCH_CHECK(c.numel() == tokens * width / 2 && s.numel() == c.numel(), "rotary tables of ", c.sizes(),
                    " do not fit ", input.sizes());
        if (!input.is_cpu() || input.stride(3) != 1) {
            const at::Tensor normal = at::rms_norm(input.to(at::kFloat), {width}, weights, epsilon)
                                          .unflatten(3, {width / 2, 2});
            const at::Tensor even = normal.select(4, 0), odd = normal.select(4, 1);
            const at::Tensor cs = c.view({tokens, 1, width / 2}), sn = s.view({tokens, 1, width / 2});
            return at::stack({even * cs - odd * sn, even * sn + odd * cs}, 4).flatten(3).to(input.scalar_type());
        }
        at::Tensor result = at::empty(input.sizes(), input.options());
        AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, input.scalar_type(), "rms_norm_rotary",
                                        [&] { rms_norm_rotary<scalar_t>(input, weights, c, s, epsilon, result); });
        return result;
    });
}
