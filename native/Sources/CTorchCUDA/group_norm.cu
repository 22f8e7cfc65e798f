// Group normalisation and SiLU of [batch, channels, pixels]: many blocks measure one group, so that a few groups keep the whole
// card busy; then each channel is scaled in one pass.
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
