// What the operators of a transformer block share on every device: checks of their arguments, and the same formulas in LibTorch's
// operations, for types and layouts that no kernel takes.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/complex.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/result_type.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/view_as_real.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace ct {

// Vectors of [batch, width] or [batch, groups, width] that stand beside the rows of x [batch, tokens, width]: as
// [batch * groups, width], each for as many rows in a row as all have.
inline at::Tensor beside(const at::Tensor &x, const at::Tensor &vectors) {
    // Of no tokens each may have a vector of its own.
    const bool is_grouped = vectors.dim() == 3 && (vectors.size(1) == x.size(1) ||
                                                   (vectors.size(1) > 0 && x.size(1) % vectors.size(1) == 0));
    TORCH_CHECK((vectors.dim() == 2 || is_grouped) && vectors.size(0) == x.size(0) && vectors.size(-1) == x.size(-1),
                "a modulation of shape ", vectors.sizes(), " does not fit ", x.sizes());
    return is_grouped ? vectors.flatten(0, 1) : vectors;
}

struct Modulation {
    at::Tensor scale, shift;
};

inline Modulation checked_modulation(const at::Tensor &x, const at::Tensor &scale, const at::Tensor &shift) {
    TORCH_CHECK(x.dim() == 3, "expected [batch, tokens, width], got ", x.sizes());
    const Modulation result{beside(x, scale), beside(x, shift)};
    TORCH_CHECK(result.scale.sizes() == result.shift.sizes(), "a scale of ", result.scale.sizes(), " beside a shift of ",
                result.shift.sizes());
    return result;
}

inline at::Tensor checked_gate(const at::Tensor &residual, const at::Tensor &gate, const at::Tensor &x) {
    TORCH_CHECK(residual.dim() == 3 && residual.sizes() == x.sizes(), "cannot add ", x.sizes(), " to a residual of ",
                residual.sizes());
    return beside(residual, gate);
}

// Cosines and sines of the pairs of a head, [tokens, width / 2], dense and in float32.
struct RotaryTables {
    at::Tensor cosine, sine;

    RotaryTables(const at::Tensor &cosine, const at::Tensor &sine)
        : cosine(cosine.to(at::kFloat).contiguous()), sine(sine.to(at::kFloat).contiguous()) {}

    // Those of some tokens.
    RotaryTables of(int64_t start, int64_t count) const { return {cosine.narrow(0, start, count), sine.narrow(0, start, count)}; }
};

// Of x [batch, tokens, heads * width] with a norm of [heads * width].
inline RotaryTables checked_joint_tables(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &cosine,
                                        const at::Tensor &sine) {
    TORCH_CHECK(x.dim() == 3 && cosine.dim() == 2 && cosine.size(0) == x.size(1) && cosine.size(1) > 0 &&
                    x.size(2) % (2 * cosine.size(1)) == 0 && sine.sizes() == cosine.sizes(),
                "rotary tables of ", cosine.sizes(), " do not fit ", x.sizes());
    TORCH_CHECK(weight.numel() == x.size(2), "the norm has ", weight.numel(), " weights for ", x.sizes());
    return {cosine, sine};
}

// Of x [batch, tokens, heads * width] with tables of [tokens, heads, width / 2] and a norm of [heads * width].
inline RotaryTables checked_head_tables(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &cosine,
                                        const at::Tensor &sine) {
    TORCH_CHECK(x.dim() == 3 && cosine.dim() == 3 && cosine.size(0) == x.size(1) &&
                    2 * cosine.size(1) * cosine.size(2) == x.size(2) && sine.sizes() == cosine.sizes(),
                "rotary tables of ", cosine.sizes(), " do not fit ", x.sizes());
    TORCH_CHECK(weight.numel() == x.size(2), "the norm has ", weight.numel(), " weights for ", x.sizes());
    return {cosine, sine};
}

// Of heads x [batch, tokens, heads, width] with tables of [tokens, width / 2], or of one for each item, and a norm of [width].
inline RotaryTables checked_tables_of_halves(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &cosine,
                                             const at::Tensor &sine) {
    const bool is_whole = cosine.dim() == 2 || (cosine.dim() == 3 && cosine.size(0) == x.size(0));
    TORCH_CHECK(x.dim() == 4 && x.size(3) > 0 && x.size(3) % 2 == 0 && is_whole && cosine.size(-2) == x.size(1) &&
                    2 * cosine.size(-1) == x.size(3) && sine.sizes() == cosine.sizes(),
                "rotary tables of ", cosine.sizes(), " do not fit ", x.sizes());
    TORCH_CHECK(weight.numel() == x.size(3), "the norm has ", weight.numel(), " weights for ", x.sizes());
    return {cosine, sine};
}

inline void check_norm(const at::Tensor &x, const at::Tensor &weight) {
    TORCH_CHECK(x.dim() > 0 && weight.dim() == 1 && weight.size(0) == x.size(-1), "the norm has ", weight.numel(),
                " weights for ", x.sizes());
}

// Of a gate and what it lets through, [batch, tokens, width], beside which another tensor of the same rows may lie.
inline void check_swiglu(const at::Tensor &gate, const at::Tensor &x, const std::optional<at::Tensor> &other) {
    TORCH_CHECK(gate.dim() == 3 && gate.sizes() == x.sizes() && gate.scalar_type() == x.scalar_type(), "a gate of ",
                gate.sizes(), " for ", x.sizes());
    TORCH_CHECK(!other || (other->dim() == 3 && other->size(0) == x.size(0) && other->size(1) == x.size(1) &&
                           other->scalar_type() == x.scalar_type()),
                "cannot put ", x.sizes(), " behind ", other ? other->sizes() : x.sizes());
}

// The formulas, of arguments that have been checked.
namespace formula {

// x [batch, tokens, width] as [vectors, rows, width], so that the vectors broadcast.
inline at::Tensor grouped(const at::Tensor &x, const at::Tensor &vectors) {
    return x.reshape({vectors.size(0), x.size(0) * x.size(1) / std::max<int64_t>(1, vectors.size(0)), x.size(2)});
}

// [.., pairs, 2] turned by the angles of tables that broadcast, flattened: products of complex numbers.
inline at::Tensor turned(const at::Tensor &pairs, const at::Tensor &cosine, const at::Tensor &sine) {
    return at::view_as_real(at::view_as_complex(pairs) * at::complex(cosine, sine)).flatten(-2);
}

// rmsNorm(x) * weight over the last axis, in float32.
inline at::Tensor normal(const at::Tensor &x, const at::Tensor &weight, double epsilon) {
    return at::rms_norm(x.to(at::kFloat), {x.size(-1)}, weight.to(at::kFloat), epsilon);
}

inline at::Tensor modulated_rms_norm(const at::Tensor &x, const Modulation &vectors, double epsilon, at::ScalarType type) {
    const at::Tensor rows = at::rms_norm(grouped(x, vectors.scale).to(at::kFloat), {x.size(-1)}, {}, epsilon);
    const at::Tensor factor = 1 + vectors.scale.to(at::kFloat).unsqueeze(1);
    return at::addcmul(vectors.shift.to(at::kFloat).unsqueeze(1), rows, factor).view(x.sizes()).to(type);
}

// A GPU's kernels compute in float32 in any case; every tensor between two of them is a pass over memory.
inline at::Tensor modulated_layer_norm(const at::Tensor &x, const Modulation &vectors, double epsilon,
                                       at::ScalarType result_type) {
    const at::ScalarType type = at::result_type(x, vectors.scale);
    const at::Tensor rows = grouped(x.to(type), vectors.scale);
    const at::Tensor factor = 1 + vectors.scale.to(type), summand = vectors.shift.to(type);
    const at::IntArrayRef width = rows.sizes().slice(2);
    const at::Tensor result =
        factor.size(0) == 1
            ? at::layer_norm(rows, width, factor[0], summand[0], epsilon)
            : at::addcmul(summand.unsqueeze(1), at::layer_norm(rows, width, {}, {}, epsilon), factor.unsqueeze(1));
    return result.view(x.sizes()).to(result_type);
}

inline at::Tensor gated_add(const at::Tensor &residual, const at::Tensor &gate, const at::Tensor &x) {
    const at::Tensor input = x.to(residual.scalar_type());
    const at::Tensor sum = at::addcmul(grouped(residual, gate), gate.unsqueeze(1), grouped(input, gate));
    return sum.view(input.sizes()).to(input.scalar_type());
}

inline at::Tensor rms_norm_rotary(const at::Tensor &x, const at::Tensor &weight, const RotaryTables &tables,
                                  double epsilon) {
    const int64_t tokens = x.size(1), pairs = x.size(3) / 2;
    return turned(normal(x, weight, epsilon).unflatten(3, {pairs, 2}), tables.cosine.view({tokens, 1, pairs}),
                  tables.sine.view({tokens, 1, pairs}))
        .to(x.scalar_type());
}

inline at::Tensor joint_rms_norm_rotary(const at::Tensor &x, const at::Tensor &weight, const RotaryTables &tables,
                                        double epsilon) {
    return turned(normal(x, weight, epsilon).unflatten(2, {-1, tables.cosine.size(1), 2}), tables.cosine.unsqueeze(1),
                  tables.sine.unsqueeze(1))
        .flatten(2)
        .to(x.scalar_type());
}

inline at::Tensor joint_rms_norm_rotary_halves(const at::Tensor &x, const at::Tensor &weight, const RotaryTables &tables,
                                               double epsilon) {
    const int64_t heads = tables.cosine.size(1), pairs = tables.cosine.size(2);
    const at::Tensor halves = normal(x, weight, epsilon).unflatten(2, {heads, 2, pairs});
    const at::Tensor first = halves.select(3, 0), second = halves.select(3, 1);
    return at::stack({first * tables.cosine - second * tables.sine, second * tables.cosine + first * tables.sine}, 3)
        .view(x.sizes())
        .to(x.scalar_type());
}

inline at::Tensor rms_norm_rotary_halves(const at::Tensor &x, const at::Tensor &weight, const RotaryTables &tables,
                                         double epsilon) {
    const int64_t pairs = x.size(3) / 2;
    const at::Tensor halves = normal(x, weight, epsilon).unflatten(3, {2, pairs});
    const at::Tensor cosine = tables.cosine.unsqueeze(-2), sine = tables.sine.unsqueeze(-2);
    const at::Tensor first = halves.select(3, 0), second = halves.select(3, 1);
    return at::cat({first * cosine - second * sine, second * cosine + first * sine}, 3).to(x.scalar_type());
}

inline at::Tensor rms_norm_silu(const at::Tensor &x, const at::Tensor &weight, double epsilon) {
    return at::silu(normal(x, weight, epsilon)).to(x.scalar_type());
}

inline at::Tensor swiglu(const at::Tensor &gate, const at::Tensor &x, const std::optional<at::Tensor> &other) {
    const at::Tensor product = (at::silu(gate.to(at::kFloat)) * x.to(at::kFloat)).to(x.scalar_type());
    return other ? at::cat({*other, product}, -1) : product;
}

}  // namespace formula

// Heads of [batch, tokens, heads, width], and the weight [width] of their norm.
struct NormedHeads {
    const at::Tensor &x, &weight;
};

// The operator `rms_norm_rotary` of a device, on which `rotate_into(into, part, tables, epsilon)` writes heads in their place,
// which is dense but for the batch.
template <auto rotate_into>
at::Tensor rotated(const at::Tensor &first, const at::Tensor &weight, const std::optional<at::Tensor> &other,
                   const std::optional<at::Tensor> &other_weight, const at::Tensor &cosine, const at::Tensor &sine,
                   double epsilon) {
    TORCH_CHECK(other.has_value() == other_weight.has_value(), "tokens and the norm of theirs are needed together");
    std::vector<NormedHeads> parts{{first, weight}};
    if (other) parts.push_back({*other, *other_weight});
    int64_t tokens = 0;
    for (const auto &[x, weight] : parts) {
        TORCH_CHECK(x.dim() == 4 && x.size(3) % 2 == 0, "expected [batch, tokens, heads, width], got ", x.sizes());
        TORCH_CHECK(x.size(0) == first.size(0) && x.size(2) == first.size(2) && x.size(3) == first.size(3) &&
                        x.scalar_type() == first.scalar_type(),
                    "cannot put ", x.sizes(), " behind ", first.sizes());
        TORCH_CHECK(weight.numel() == x.size(3), "the norm has ", weight.numel(), " weights for a width of ", x.size(3));
        tokens += x.size(1);
    }
    const int64_t pairs = first.size(3) / 2;
    TORCH_CHECK(cosine.numel() == tokens * pairs && sine.numel() == cosine.numel(), "rotary tables of ", cosine.sizes(),
                " do not fit ", tokens, " tokens of ", first.sizes());
    const RotaryTables tables(cosine.view({tokens, pairs}), sine.view({tokens, pairs}));
    at::Tensor result = at::empty({first.size(0), tokens, first.size(2), first.size(3)}, first.options());
    int64_t start = 0;
    for (const NormedHeads &part : parts) {
        const int64_t count = part.x.size(1);
        rotate_into(result.narrow(1, start, count), part, tables.of(start, count), epsilon);
        start += count;
    }
    return result;
}

}  // namespace ct
