// Group normalisation and SiLU of images whose channels lie last: one pass for the moments, one for the result.
#include "group_norm.h"
#include "rows.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/silu.h>
#include <torch/library.h>

#include <cmath>
#include <vector>

using namespace ct;

namespace {

// Pixels whose numbers stay in the cache between the pass that finds their means and the one that finds their distances.
constexpr int64_t block = 64;

// Parts of an image that are measured by themselves. Their number does not depend on the threads', nor does the result.
constexpr int64_t most_parts = 64;

template <class T> CT_INLINE void measure_block(const T *in, int64_t pixels, int64_t channels, float *mean, float *squares) {
    for (int64_t c = 0; c < channels; ++c) mean[c] = squares[c] = 0;
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
        for (int64_t c = 0; c < channels; ++c) mean[c] += load(in[pixel * channels + c]);
    for (int64_t c = 0; c < channels; ++c) mean[c] /= pixels;
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
        for (int64_t c = 0; c < channels; ++c) {
            const float distance = load(in[pixel * channels + c]) - mean[c];
            squares[c] += distance * distance;
        }
}

template <class T> CT_INLINE void scale_pixels(const T *in, const float *scale, const float *shift, int64_t pixels,
                                               int64_t channels, T *out) {
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
        CT_ANY_ORDER
        for (int64_t c = 0; c < channels; ++c) {
            const float value = load(in[pixel * channels + c]) * scale[c] + shift[c];
            store(gated(value, value), out[pixel * channels + c]);
        }
    }
}

#define CT_DEFINE_GROUP_NORM(T)                                                                                        \
    CT_CLONES void measure(const T *in, int64_t pixels, int64_t channels, float *mean, float *squares) {               \
        measure_block(in, pixels, channels, mean, squares);                                                            \
    }                                                                                                                  \
    CT_CLONES void scale_all(const T *in, const float *scale, const float *shift, int64_t pixels, int64_t channels,    \
                             T *out) {                                                                                 \
        scale_pixels(in, scale, shift, pixels, channels, out);                                                         \
    }
CT_DEFINE_GROUP_NORM(float)
CT_DEFINE_GROUP_NORM(half)
CT_DEFINE_GROUP_NORM(bfloat16)

// How many numbers there are, their mean, and the sum of their squared distances from it.
struct Moments {
    double count = 0, mean = 0, squares = 0;

    // Joins two sets (Chan, Golub and LeVeque, 1979).
    void add(const Moments &other) {
        if (other.count == 0) return;
        const double distance = other.mean - mean, all = count + other.count;
        mean += distance * other.count / all;
        squares += other.squares + distance * distance * count * other.count / all;
        count = all;
    }
};

// The moments of every channel of some pixels.
template <class T> std::vector<Moments> channel_moments(const T *in, int64_t pixels, int64_t channels) {
    std::vector<Moments> moments(channels);
    std::vector<float> mean(channels), squares(channels);
    for (int64_t start = 0; start < pixels; start += block) {
        const int64_t count = std::min(block, pixels - start);
        measure(in + start * channels, count, channels, mean.data(), squares.data());
        for (int64_t c = 0; c < channels; ++c) moments[c].add({static_cast<double>(count), mean[c], squares[c]});
    }
    return moments;
}

// The moments of every group of one image [height, width, channels].
template <class T> std::vector<Moments> group_moments(const T *in, int64_t pixels, int64_t channels, int64_t groups) {
    const int64_t size = std::max(block, (pixels + most_parts - 1) / most_parts), parts = (pixels + size - 1) / size;
    std::vector<std::vector<Moments>> moments(parts);
    parallel_for(0, parts, grain(size * channels), [&](int64_t begin, int64_t end) {
        for (int64_t part = begin; part < end; ++part)
            moments[part] = channel_moments(in + part * size * channels, std::min(size, pixels - part * size), channels);
    });
    std::vector<Moments> all(groups);
    const int64_t members = channels / groups;
    for (int64_t group = 0; group < groups; ++group)
        for (const auto &part : moments)
            for (int64_t c = group * members; c < (group + 1) * members; ++c) all[group].add(part[c]);
    return all;
}

// silu(x · scale + shift) of one image, each channel with its own.
template <class T> void scale_image(const T *in, int64_t pixels, int64_t channels, const float *scale, const float *shift,
                                    T *out) {
    parallel_for(0, pixels, grain(channels), [&](int64_t begin, int64_t end) {
        scale_all(in + begin * channels, scale, shift, end - begin, channels, out + begin * channels);
    });
}

// One image.
template <class T> void norm_image(const T *in, int64_t pixels, int64_t channels, int64_t groups, const float *weight,
                                   const float *bias, double epsilon, T *out) {
    const std::vector<Moments> moments = group_moments(in, pixels, channels, groups);
    std::vector<float> scale(channels), shift(channels);
    for (int64_t c = 0; c < channels; ++c) {
        const Moments &all = moments[c / (channels / groups)];
        const double factor = 1 / std::sqrt(all.squares / all.count + epsilon);
        scale[c] = static_cast<float>(weight[c] * factor);
        shift[c] = static_cast<float>(bias[c] - weight[c] * factor * all.mean);
    }
    scale_image(in, pixels, channels, scale.data(), shift.data(), out);
}

// Whether channels lie last in an image that is not empty.
bool has_channels_last(const at::Tensor &x) {
    return has_rows(x) && x.numel() > 0 && x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor group_norm_silu(const at::Tensor &x, int64_t groups, const at::Tensor &weight, const at::Tensor &bias,
                           double epsilon) {
    if (!has_channels_last(x)) return at::silu(at::group_norm(x, groups, weight, bias, epsilon));
    const int64_t channels = x.size(1), pixels = x.size(2) * x.size(3);
    require_groups(channels, groups);
    const at::Tensor weights = weight.to(at::kFloat).contiguous(), biases = bias.to(at::kFloat).contiguous();
    TORCH_CHECK(weights.numel() == channels && biases.numel() == channels, "the norm has ", weights.numel(), " weights and ",
                biases.numel(), " biases for ", x.sizes());
    at::Tensor result = at::empty_like(x);
    dispatch(x, [&](auto type) {
        using T = decltype(type);
        T *out = static_cast<T *>(result.mutable_data_ptr());
        for (int64_t item = 0, size = pixels * channels; item < x.size(0); ++item)
            norm_image(numbers<T>(x) + item * size, pixels, channels, groups, numbers<float>(weights),
                       numbers<float>(biases), epsilon, out + item * size);
    });
    return result;
}

at::Tensor group_moments_of(const at::Tensor &given, int64_t groups) {
    // Of a part of an image the numbers lie apart.
    const at::Tensor x = given.is_non_overlapping_and_dense() ? given : given.clone();
    if (!has_channels_last(x)) return formula::group_moments(x, groups);
    const int64_t channels = x.size(1), pixels = x.size(2) * x.size(3);
    require_groups(channels, groups);
    const at::Tensor result = at::empty({x.size(0), groups, 3}, x.options().dtype(at::kFloat));
    float *out = result.mutable_data_ptr<float>();
    dispatch(x, [&](auto type) {
        using T = decltype(type);
        for (int64_t item = 0, size = pixels * channels; item < x.size(0); ++item)
            for (const Moments &moments : group_moments(numbers<T>(x) + item * size, pixels, channels, groups))
                for (double number : {moments.count, moments.mean, moments.squares}) *out++ = static_cast<float>(number);
    });
    return result;
}

at::Tensor joint_group_norm(const at::Tensor &x, const at::Tensor &moments, const at::Tensor &weight, const at::Tensor &bias,
                            double epsilon) {
    return formula::joint_group_norm(x, moments, weight, bias, epsilon).to(x.scalar_type());
}

at::Tensor joint_group_norm_silu(const at::Tensor &x, const at::Tensor &moments, const at::Tensor &weight, const at::Tensor &bias,
                                 double epsilon) {
    if (!has_channels_last(x)) return formula::joint_group_norm_silu(x, moments, weight, bias, epsilon);
    const formula::ChannelFactors factors = formula::channel_factors(x, moments, weight, bias, epsilon);
    const int64_t channels = x.size(1), pixels = x.size(2) * x.size(3);
    at::Tensor result = at::empty_like(x);
    dispatch(x, [&](auto type) {
        using T = decltype(type);
        T *out = static_cast<T *>(result.mutable_data_ptr());
        for (int64_t item = 0, size = pixels * channels; item < x.size(0); ++item)
            scale_image(numbers<T>(x) + item * size, pixels, channels, numbers<float>(factors.scale) + item * channels,
                        numbers<float>(factors.shift) + item * channels, out + item * size);
    });
    return result;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(visualgen, m) {
    // silu(groupNorm(x)) of [batch, channels, ...]; on the CPU in two passes over memory where channels lie last.
    m.def("group_norm_silu(Tensor x, int groups, Tensor weight, Tensor bias, float epsilon) -> Tensor");
    // How many numbers a group has, their mean, and the sum of their squared distances from it, [batch, groups, 3] in float32.
    m.def("group_moments(Tensor x, int groups) -> Tensor");
    // Those of `x`, [batch, channels, height, width], with moments of several parts, [parts, batch, groups, 3], taken together.
    m.def("joint_group_norm(Tensor x, Tensor moments, Tensor weight, Tensor bias, float epsilon) -> Tensor");
    // The same, and SiLU.
    m.def("joint_group_norm_silu(Tensor x, Tensor moments, Tensor weight, Tensor bias, float epsilon) -> Tensor");
}

TORCH_LIBRARY_IMPL(visualgen, CompositeExplicitAutograd, m) {
    m.impl("group_norm_silu", group_norm_silu);
    m.impl("group_moments", group_moments_of);
    m.impl("joint_group_norm", joint_group_norm);
    m.impl("joint_group_norm_silu", joint_group_norm_silu);
}
