// Group normalisation and SiLU of [batch, channels, pixels]: many blocks measure one group, so that a few groups keep the whole
// card busy; then each channel is scaled in one pass. Of [batch, pixels, channels] each block measures all groups of some pixels.
#include "packs.cuh"

#include <algorithm>

namespace {

// How many numbers there are, their mean, and the sum of their squared distances from it.
struct Moments {
    float count = 0, mean = 0, squares = 0;

    // Joins two sets (Chan, Golub and LeVeque, 1979).
    __device__ void add(Moments other) {
        if (other.count == 0) return;
        const float distance = other.mean - mean, all = count + other.count, share = other.count / all;
        mean += distance * share;
        squares += other.squares + distance * distance * count * share;
        count = all;
    }

    // Joins those of a warp's threads; the first thread has all then.
    __device__ void join() {
        for (int offset = warp / 2; offset; offset /= 2)
            add({__shfl_down_sync(~0u, count, offset), __shfl_down_sync(~0u, mean, offset),
                 __shfl_down_sync(~0u, squares, offset)});
    }
};

// Which numbers of a pack count: all of them.
struct Everything {
    template <int pack> __device__ uint32_t counted(int64_t) const { return (1u << pack) - 1; }
};

// The same: those of planes that lie in a window.
struct InWindow {
    ct::Window window;

    // Bit i is set if number `start` + i of a group does.
    template <int pack> __device__ uint32_t counted(int64_t start) const {
        const uint32_t place = static_cast<uint32_t>(start) % static_cast<uint32_t>(window.plane);
        uint32_t row = place / window.width, column = place % window.width, mask = 0;
        for (int i = 0; i < pack; ++i) {
            // Below the first row or column the differences are large.
            mask |= (row - window.row < window.rows && column - window.column < window.columns) << i;
            if (++column == window.width) column = 0, ++row;
        }
        return mask;
    }
};

// Block (group, part): the moments of every `parts`-th pack of a group's numbers from the part's own on, of those that count.
template <class T, class Which> __global__ void measure(const T *x, int64_t packs, Which which, Moments *moments) {
    constexpr int pack = longest_pack<T>;
    x += blockIdx.x * packs * pack;
    Moments mine;
    for (int64_t i = blockIdx.y * block + threadIdx.x; i < packs; i += gridDim.y * block) {
        const uint32_t counted = which.template counted<pack>(i * pack);
        if (counted == 0) continue;
        const auto numbers = load<pack>(x + i * pack);
        Moments one;
        one.count = __popc(counted);
        for (int k = 0; k < pack; ++k) one.mean += counted >> k & 1 ? numbers.values[k] : 0;
        one.mean /= one.count;
        for (int k = 0; k < pack; ++k) {
            const float distance = counted >> k & 1 ? numbers.values[k] - one.mean : 0;
            one.squares += distance * distance;
        }
        mine.add(one);
    }
    mine.join();
    __shared__ Moments warps[block / warp];
    if (threadIdx.x % warp == 0) warps[threadIdx.x / warp] = mine;
    __syncthreads();
    if (threadIdx.x != 0) return;
    for (int i = 1; i < block / warp; ++i) mine.add(warps[i]);
    moments[blockIdx.x * gridDim.y + blockIdx.y] = mine;
}

// Block (group): the moments of all its parts.
__global__ void join_parts(const Moments *moments, int parts, Moments *result) {
    Moments all;
    for (int i = threadIdx.x; i < parts; i += warp) all.add(moments[blockIdx.x * parts + i]);
    all.join();
    if (threadIdx.x == 0) result[blockIdx.x] = all;
}

// Moments of groups in parts: how many there are, and how far the parts of a group and the groups lie apart.
struct Parts {
    const Moments *moments;
    int count, stride, group_stride;
};

// Block (channel of an image, some of its packs).
template <class T, bool has_silu>
__global__ void scale_channels(const T *x, int64_t packs, int channels, int members, Parts parts, const float *weight,
                               const float *bias, float epsilon, T *result) {
    constexpr int pack = longest_pack<T>;
    __shared__ float factors[2];
    if (threadIdx.x < warp) {
        Moments all;
        for (int i = threadIdx.x; i < parts.count; i += warp)
            all.add(parts.moments[blockIdx.x / members * parts.group_stride + i * parts.stride]);
        all.join();
        if (threadIdx.x == 0) {
            const int channel = blockIdx.x % channels;
            factors[0] = weight[channel] * rsqrtf(all.squares / all.count + epsilon);
            factors[1] = bias[channel] - factors[0] * all.mean;
        }
    }
    __syncthreads();
    const float scale = factors[0], shift = factors[1];
    const int64_t start = blockIdx.x * packs;
    for (int64_t i = blockIdx.y * block + threadIdx.x; i < packs; i += gridDim.y * block) {
        auto numbers = load<pack>(x + (start + i) * pack);
        for (float &value : numbers.values) {
            value = value * scale + shift;
            if constexpr (has_silu) value = silu(value);
        }
        store(numbers, result + (start + i) * pack);
    }
}

// Channels that lie last. Block (image, part): the moments of every group in every `parts`-th run of pixels, a run being as many as
// the block's threads hold at once. A thread has the same channels of each.
template <class T> __global__ void measure_pixels(const T *x, ct::Pixels pixels, Moments *moments) {
    constexpr int pack = longest_pack<T>;
    const int channels = pixels.channels, groups = pixels.groups, packs = channels / pack, across = block / packs;
    const int mine = threadIdx.x / packs, first = threadIdx.x % packs * pack;
    x += blockIdx.x * pixels.batch_stride + first;
    // Distances from a thread's first number stay small, so that the squares of their mean take little from their own.
    Numbers<pack> base{}, sums{}, squares{};
    float count = 0;
    const uint32_t all_pixels = pixels.rows * pixels.columns;
    for (uint32_t i = blockIdx.y * across + mine; mine < across && i < all_pixels; i += gridDim.y * across) {
        const auto numbers = load<pack>(x + i / pixels.columns * pixels.row_stride + i % pixels.columns * int64_t(channels));
        if (count == 0) base = numbers;
        for (int j = 0; j < pack; ++j) {
            const float distance = numbers.values[j] - base.values[j];
            sums.values[j] += distance;
            squares.values[j] += distance * distance;
        }
        ++count;
    }
    extern __shared__ Moments shared[];  // [across, channels]
    for (int j = 0; j < pack && mine < across; ++j) {
        const float mean = count > 0 ? sums.values[j] / count : 0;
        shared[mine * channels + first + j] = {count, base.values[j] + mean, fmaxf(squares.values[j] - sums.values[j] * mean, 0.f)};
    }
    __syncthreads();
    const int members = channels / groups;
    for (int group = threadIdx.x / warp; group < groups; group += block / warp) {
        Moments all;
        for (int i = threadIdx.x % warp; i < across * members; i += warp)
            all.add(shared[i / members * channels + group * members + i % members]);
        all.join();
        if (threadIdx.x % warp == 0) moments[(blockIdx.x * groups + group) * gridDim.y + blockIdx.y] = all;
    }
}

// Block (group of an image): what its channels are multiplied by, and what is added then.
__global__ void make_factors(Parts parts, int channels, int groups, ct::ChannelWeights weights, float2 *factors) {
    Moments all;
    for (int i = threadIdx.x; i < parts.count; i += warp) all.add(parts.moments[blockIdx.x * parts.group_stride + i * parts.stride]);
    all.join();
    const float mean = __shfl_sync(~0u, all.mean, 0);
    const float inverse = rsqrtf(__shfl_sync(~0u, all.squares / all.count, 0) + weights.epsilon);
    const int members = channels / groups, image = blockIdx.x / groups, first = blockIdx.x % groups * members;
    for (int channel = first + threadIdx.x; channel < first + members; channel += warp) {
        const float scale = weights.weight[channel] * inverse;
        factors[image * channels + channel] = {scale, weights.bias[channel] - scale * mean};
    }
}

template <class T, bool has_silu>
__global__ void scale_pixels(const T *x, int64_t pixels, int channels, const float2 *factors, T *result) {
    constexpr int pack = longest_pack<T>;
    const int packs = channels / pack, across = block / packs, mine = threadIdx.x / packs, first = threadIdx.x % packs * pack;
    if (mine >= across) return;
    float2 own[pack];
    for (int j = 0; j < pack; ++j) own[j] = factors[blockIdx.x * channels + first + j];
    const int64_t image = blockIdx.x * pixels * channels + first;
    for (int64_t i = int64_t(blockIdx.y) * across + mine; i < pixels; i += int64_t(gridDim.y) * across) {
        auto numbers = load<pack>(x + image + i * channels);
        for (int j = 0; j < pack; ++j) {
            numbers.values[j] = numbers.values[j] * own[j].x + own[j].y;
            if constexpr (has_silu) numbers.values[j] = silu(numbers.values[j]);
        }
        store(numbers, result + image + i * channels);
    }
}

// Blocks that share so many packs, several for each of their threads.
unsigned shares(int64_t packs, int64_t most) {
    return static_cast<unsigned>(std::clamp<int64_t>(packs / (4 * block), 1, most));
}

template <class T, bool has_silu>
void scale_planes(const T *x, ct::Planes planes, Parts parts, ct::ChannelWeights weights, T *result, cudaStream_t stream) {
    const int64_t packs = planes.pixels / longest_pack<T>;
    const dim3 grid(planes.batch * planes.channels, shares(packs, 1024));
    scale_channels<T, has_silu><<<grid, block, 0, stream>>>(x, packs, planes.channels, planes.channels / planes.groups, parts,
                                                            weights.weight, weights.bias, weights.epsilon, result);
}

// Measures every group in parts; how many parts there are.
template <class T, class Which>
unsigned measure_planes(const T *x, ct::Planes planes, Which which, Moments *moments, cudaStream_t stream) {
    const int64_t packs = planes.pixels / longest_pack<T> * (planes.channels / planes.groups);
    const unsigned parts = shares(packs, ct::most_parts);
    measure<<<dim3(planes.batch * planes.groups, parts), block, 0, stream>>>(x, packs, which, moments);
    return parts;
}

// Blocks that share the pixels of an image, several runs each.
template <class T> unsigned shares(ct::Pixels pixels, int64_t most) {
    const int64_t across = block / (pixels.channels / longest_pack<T>);
    return static_cast<unsigned>(std::clamp<int64_t>(pixels.rows * int64_t(pixels.columns) / (4 * across), 1, most));
}

template <class T> unsigned measure_all(const T *x, ct::Pixels pixels, Moments *moments, cudaStream_t stream) {
    const unsigned parts = shares<T>(pixels, ct::most_pixel_parts);
    const int across = block / (pixels.channels / longest_pack<T>);
    measure_pixels<<<dim3(pixels.batch, parts), block, across * pixels.channels * sizeof(Moments), stream>>>(x, pixels, moments);
    return parts;
}

template <class T, bool has_silu>
void scale_all(const T *x, ct::Pixels pixels, Parts parts, ct::ChannelWeights weights, void *factors, T *result,
               cudaStream_t stream) {
    auto *pairs = static_cast<float2 *>(factors);
    make_factors<<<pixels.batch * pixels.groups, warp, 0, stream>>>(parts, pixels.channels, pixels.groups, weights, pairs);
    scale_pixels<T, has_silu><<<dim3(pixels.batch, shares<T>(pixels, 2048)), block, 0, stream>>>(
        x, int64_t(pixels.rows) * pixels.columns, pixels.channels, pairs, result);
}

}  // namespace

cudaError_t ct::group_norm_silu(const void *x, Number type, Planes planes, ChannelWeights weights, void *moments, void *result,
                                cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        auto *all = static_cast<Moments *>(moments);
        const int parts = measure_planes(static_cast<const T *>(x), planes, Everything{}, all, stream);
        scale_planes<T, true>(static_cast<const T *>(x), planes, {all, parts, 1, parts}, weights, static_cast<T *>(result),
                              stream);
    });
    return cudaGetLastError();
}

cudaError_t ct::group_moments(const void *x, Number type, Planes planes, Window window, void *moments, void *result,
                              cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        auto *all = static_cast<Moments *>(moments);
        const int parts = measure_planes(static_cast<const T *>(x), planes, InWindow{window}, all, stream);
        join_parts<<<planes.batch * planes.groups, warp, 0, stream>>>(all, parts, static_cast<Moments *>(result));
    });
    return cudaGetLastError();
}

cudaError_t ct::joint_group_norm(const void *x, Number type, Planes planes, const void *moments, int parts, bool has_silu,
                                 ChannelWeights weights, void *result, cudaStream_t stream) {
    const Parts all{static_cast<const Moments *>(moments), parts, static_cast<int>(planes.batch * planes.groups), 1};
    with_type(type, [&](auto number) {
        using T = decltype(number);
        const auto scale = has_silu ? scale_planes<T, true> : scale_planes<T, false>;
        scale(static_cast<const T *>(x), planes, all, weights, static_cast<T *>(result), stream);
    });
    return cudaGetLastError();
}

cudaError_t ct::group_norm_silu(const void *x, Number type, Pixels pixels, ChannelWeights weights, void *moments, void *factors,
                                void *result, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        auto *all = static_cast<Moments *>(moments);
        const int parts = measure_all(static_cast<const T *>(x), pixels, all, stream);
        scale_all<T, true>(static_cast<const T *>(x), pixels, {all, parts, 1, parts}, weights, factors, static_cast<T *>(result),
                           stream);
    });
    return cudaGetLastError();
}

cudaError_t ct::group_moments(const void *x, Number type, Pixels pixels, void *moments, void *result, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        auto *all = static_cast<Moments *>(moments);
        const int parts = measure_all(static_cast<const T *>(x), pixels, all, stream);
        join_parts<<<pixels.batch * pixels.groups, warp, 0, stream>>>(all, parts, static_cast<Moments *>(result));
    });
    return cudaGetLastError();
}

cudaError_t ct::joint_group_norm(const void *x, Number type, Pixels pixels, const void *moments, int parts, bool has_silu,
                                 ChannelWeights weights, void *factors, void *result, cudaStream_t stream) {
    const Parts all{static_cast<const Moments *>(moments), parts, pixels.batch * pixels.groups, 1};
    with_type(type, [&](auto number) {
        using T = decltype(number);
        const auto scale = has_silu ? scale_all<T, true> : scale_all<T, false>;
        scale(static_cast<const T *>(x), pixels, all, weights, factors, static_cast<T *>(result), stream);
    });
    return cudaGetLastError();
}
