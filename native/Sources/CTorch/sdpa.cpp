// Attention by LibTorch's fused kernels, and on Hopper by our own; on a GPU with log Σ exp(score) of each token, if asked for.
#include "operator_named.h"
#include "support.h"

#include <ATen/SDPBackend.h>
#include <ATen/ops/_fused_sdp_choice.h>
#include <ATen/ops/_scaled_dot_product_cudnn_attention.h>
#include <ATen/ops/_scaled_dot_product_efficient_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/full.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/library.h>

#include <limits>
#include <optional>
#include <tuple>

using namespace ct;

namespace {

struct Part {
    at::Tensor result, sums;
};

// The kernel of the CUDA half for Hopper takes heads of 64 and 128 numbers of 16 bits.
bool takes_hopper(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value, bool has_mask, double scale) {
    using Takes = bool(const at::Tensor &, const at::Tensor &, const at::Tensor &);
    // Its largest score is that of the largest product.
    if (has_mask || !query.is_cuda() || !(scale > 0)) return false;
    static const auto takes = operator_named<Takes>("visualgen::takes_hopper_attention");
    return takes.call(query, key, value);
}

Part attended_by_hopper(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value, double scale) {
    using Attend = std::tuple<at::Tensor, at::Tensor>(const at::Tensor &, const at::Tensor &, const at::Tensor &, double);
    static const auto attend = operator_named<Attend>("visualgen::hopper_attention");
    auto [result, sums] = attend.call(query, key, value, scale);
    return {std::move(result), std::move(sums)};
}

// cuDNN's takes half the time of the others, and hardly more for the sums, but neither a mask nor every width.
at::SDPBackend backend_of_part(const at::Tensor &query, bool has_mask) {
    if (has_mask || query.scalar_type() == at::kFloat) return at::SDPBackend::efficient_attention;
    return query.size(3) <= 128 ? at::SDPBackend::cudnn_attention : at::SDPBackend::flash_attention;
}

// The kernel wants rows of the mask to begin at multiples of 16 bytes; rows that tokens or heads share may lie there once.
at::Tensor aligned(const at::Tensor &mask, at::IntArrayRef shape) {
    const int64_t keys = shape[3], missing = (8 - keys % 8) % 8;
    at::DimVector own(mask.sizes());
    own.back() = keys;
    at::Tensor rows = mask.expand(own);
    rows = missing == 0 ? rows.contiguous() : at::constant_pad_nd(rows, {0, missing}).narrow(-1, 0, keys);
    return rows.expand(shape);
}

std::tuple<at::Tensor, at::Tensor> attended_efficiently(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value,
                                                        const std::optional<at::Tensor> &mask, bool gives_sums, double scale) {
    std::optional<at::Tensor> bias;
    if (mask) bias = aligned(mask->to(query.scalar_type()), {query.size(0), query.size(1), query.size(2), key.size(2)});
    const auto parts = at::_scaled_dot_product_efficient_attention(query, key, value, bias, gives_sums, 0.0, false, scale);
    return {std::get<0>(parts), std::get<1>(parts)};
}

// Whether a masked attention of 16-bit numbers is done before cuDNN has planned it, which takes a tenth of a second for each
// shape: so it is with prompts, whose lengths differ.
bool is_short(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value) {
    constexpr int64_t most_scores = 1 << 26;
    const auto has_rows = [](const at::Tensor &x) { return x.stride(3) == 1 && x.size(3) % 8 == 0; };
    const bool is_narrow = query.scalar_type() == at::kHalf || query.scalar_type() == at::kBFloat16;
    return query.is_cuda() && is_narrow && query.size(1) == key.size(1) && has_rows(query) &&
           has_rows(key) && has_rows(value) && query.size(0) * query.size(1) * query.size(2) * key.size(2) <= most_scores;
}

enum class Kernel { hopper, efficient, libtorch };

Kernel kernel_of(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value, bool has_mask, double scale,
                 bool by_libtorch) {
    if (by_libtorch) return Kernel::libtorch;
    if (takes_hopper(query, key, value, has_mask, scale)) return Kernel::hopper;
    return has_mask && is_short(query, key, value) ? Kernel::efficient : Kernel::libtorch;
}

Part attended(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value, const std::optional<at::Tensor> &mask,
              double scale) {
    const int64_t tokens = query.size(2);
    if (query.numel() == 0 || key.size(2) == 0)
        return {at::zeros_like(query), at::full({query.size(0), query.size(1), tokens},
                                                -std::numeric_limits<float>::infinity(), query.options().dtype(at::kFloat))};
    if (takes_hopper(query, key, value, mask.has_value(), scale)) return attended_by_hopper(query, key, value, scale);
    const at::SDPBackend backend = backend_of_part(query, mask.has_value());
    if (backend == at::SDPBackend::cudnn_attention) {
        const auto parts = at::_scaled_dot_product_cudnn_attention(query, key, value, std::nullopt, true, 0.0, false, false,
                                                                   scale);
        return {std::get<0>(parts), std::get<1>(parts).reshape({query.size(0), query.size(1), tokens})};
    }
    if (backend == at::SDPBackend::flash_attention) {
        const auto parts = at::_scaled_dot_product_flash_attention(query, key, value, 0.0, false, false, scale);
        return {std::get<0>(parts), std::get<1>(parts)};
    }
    const auto [result, sums] = attended_efficiently(query, key, value, mask, true, scale);
    return {result, sums.narrow(2, 0, tokens)};
}

std::tuple<at::Tensor, at::Tensor> attention_part(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value,
                                                  const std::optional<at::Tensor> &mask, double scale) {
    TORCH_CHECK(query.dim() == 4, "expected queries [batch, heads, tokens, width], got ", query.sizes());
    const int64_t width = query.size(3);
    TORCH_CHECK(width % 8 == 0 && width <= 256, "expected heads of a multiple of 8 and at most 256 numbers, got ", width);
    Part part = attended(query, key, value, mask, scale);
    return {part.result, part.sums.contiguous()};
}

}  // namespace

ct_tensor ct_attention(ct_tensor query, ct_tensor key, ct_tensor value, ct_tensor mask, double scale, bool by_libtorch) {
    return guard([&] {
        const at::Tensor &q = borrow(query), &k = borrow(key), &v = borrow(value);
        TORCH_CHECK(q.dim() == 4 && k.dim() == 4 && v.dim() == 4, "cannot attend from ", q.sizes(), " to keys of ", k.sizes(),
                    " and values of ", v.sizes());
        // LibTorch divides by the number of rows and of keys.
        if (q.numel() == 0 || k.numel() == 0)
            return at::zeros({q.size(0), q.size(1), q.size(2), v.size(3)}, q.options());
        switch (kernel_of(q, k, v, mask, scale, by_libtorch)) {
        case Kernel::hopper: return attended_by_hopper(q, k, v, scale).result;
        case Kernel::efficient: return std::get<0>(attended_efficiently(q, k, v, borrow(mask), false, scale));
        case Kernel::libtorch: break;
        }
        return at::scaled_dot_product_attention(q, k, v, optional(mask), 0.0, false, scale);
    });
}

const char *ct_attention_kernel(ct_tensor query, ct_tensor key, ct_tensor value, ct_tensor mask, double scale, bool by_libtorch,
                                bool gives_sums) {
    const at::Tensor &q = borrow(query);
    if (q.is_cpu()) return "sdpa";
    try {
        const Kernel kernel = kernel_of(q, borrow(key), borrow(value), mask, scale, by_libtorch && !gives_sums);
        if (kernel == Kernel::hopper) return "hopper";
        if (kernel == Kernel::efficient) return "efficient";
        const auto backend = gives_sums ? backend_of_part(q, mask)
                                        : static_cast<at::SDPBackend>(at::_fused_sdp_choice(
                                              q, borrow(key), borrow(value), optional(mask), 0.0, false, scale));
        switch (backend) {
        case at::SDPBackend::cudnn_attention: return "cudnn";
        case at::SDPBackend::flash_attention: return "flash";
        case at::SDPBackend::efficient_attention: return "efficient";
        default: return "math";
        }
    } catch (...) {
        // The attention itself will say what is wrong.
        return "sdpa";
    }
}

TORCH_LIBRARY_FRAGMENT(visualgen, m) {
    // Whether `hopper_attention` takes these: heads of 64 or 128 numbers of 16 bits, on a card of that kind.
    m.def("takes_hopper_attention(Tensor query, Tensor key, Tensor value) -> bool");
    // As attention_part without a mask.
    m.def("hopper_attention(Tensor query, Tensor key, Tensor value, float scale) -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(visualgen, CUDA, m) { m.impl("attention_part", attention_part); }
