// What quantised attention on the CPU shares with the exact one: its tiles.
#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>

namespace ct {

// The last axis dense.
inline at::Tensor dense(const at::Tensor &x) { return x.stride(-1) == 1 || x.size(-1) == 1 ? x : x.contiguous(); }

// What rounded numbers count in, in float32.
struct AttentionScales {
    // [batch, heads, tokens] and [batch, heads, keys]; undefined where queries and keys are as they were.
    at::Tensor query, key;
    // [batch, heads, width].
    at::Tensor value;
};

// softmax(query · keyᵀ · scale) · value of dense numbers [batch, heads, tokens, width] of one type, in which 448 times the
// weights of values are rounded to E4M3. Returns the output in float32, and log Σ exp(score), [batch, heads, tokens].
//
// `are_whole`: whether queries and keys, in bfloat16, are whole numbers from -128 to 127.
std::tuple<at::Tensor, at::Tensor> quantized_tiles(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value,
                                                   const AttentionScales &scales, double scale, bool are_whole);

}  // namespace ct
