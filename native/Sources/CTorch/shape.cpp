// Views and rearrangements.
#include "support.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/repeat_interleave.h>
#include <ATen/ops/slice.h>
#include <ATen/ops/stack.h>

#include <vector>

using namespace ct;

namespace {

std::vector<at::Tensor> list(const ct_tensor *tensors, size_t count) {
    std::vector<at::Tensor> result;
    result.reserve(count);
    for (size_t index = 0; index < count; ++index) result.push_back(borrow(tensors[index]));
    return result;
}

}  // namespace

ct_tensor ct_reshape(ct_tensor x, const int64_t *s, size_t rank) {
    return guard([&] { return borrow(x).reshape(sizes(s, rank)); });
}

ct_tensor ct_permute(ct_tensor x, const int64_t *axes, size_t rank) {
    return guard([&] { return borrow(x).permute(sizes(axes, rank)); });
}

ct_tensor ct_transpose(ct_tensor x, int64_t a, int64_t b) { return guard([&] { return borrow(x).transpose(a, b); }); }
ct_tensor ct_unsqueeze(ct_tensor x, int64_t axis) { return guard([&] { return borrow(x).unsqueeze(axis); }); }
ct_tensor ct_squeeze(ct_tensor x, int64_t axis) { return guard([&] { return borrow(x).squeeze(axis); }); }

ct_tensor ct_expand(ct_tensor x, const int64_t *s, size_t rank) {
    return guard([&] { return borrow(x).expand(sizes(s, rank)); });
}

ct_tensor ct_slice(ct_tensor x, int64_t axis, int64_t start, int64_t end, int64_t step) {
    return guard([&] {
        const at::Tensor &input = borrow(x);
        // LibTorch would cut the range down to the axis in silence.
        TORCH_CHECK(0 <= start && start <= end && end <= input.size(axis), "the range ", start, " to ", end,
                    " is not within axis ", axis, " of ", input.sizes());
        return at::slice(input, axis, start, end, step);
    });
}

ct_tensor ct_index_select(ct_tensor x, int64_t axis, ct_tensor indices) {
    return guard([&] { return at::index_select(borrow(x), axis, borrow(indices)); });
}

ct_tensor ct_cat(const ct_tensor *tensors, size_t count, int64_t axis) {
    return guard([&] { return at::cat(list(tensors, count), axis); });
}

ct_tensor ct_stack(const ct_tensor *tensors, size_t count, int64_t axis) {
    return guard([&] { return at::stack(list(tensors, count), axis); });
}

ct_tensor ct_repeat_interleave(ct_tensor x, int64_t times, int64_t axis) {
    return guard([&] { return at::repeat_interleave(borrow(x), times, axis); });
}

ct_tensor ct_pad(ct_tensor x, const int64_t *amounts, size_t count) {
    return guard([&] { return at::constant_pad_nd(borrow(x), sizes(amounts, count), 0); });
}

ct_tensor ct_contiguous(ct_tensor x) { return guard([&] { return borrow(x).contiguous(); }); }

ct_tensor ct_clone(ct_tensor x) { return guard([&] { return borrow(x).clone(); }); }
