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

// Block (group, part): the moments of every `parts`-th pack of a group's numbers from the part's own on.
template <class T> __global__ void measure(const T *x, int64_t packs, Moments *moments) {
    constexpr int pack = longest_pack<T>;
    x += blockIdx.x * packs * pack;
    Moments mine;
    for (int64_t i = blockIdx.y * block + threadIdx.x; i < packs; i += gridDim.y * block) {
        const auto numbers = load<pack>(x + i * pack);
        Moments one;
        one.count = pack;
        for (float value : numbers.values) one.mean += value;
        one.mean /= pack;
        for (float value : numbers.values) one.squares += (value - one.mean) * (value - one.mean);
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

// Block (channel of an image, some of its packs).
template <class T>
__global__ void scale_and_silu(const T *x, int64_t packs, int channels, int members, const Moments *moments, int parts,
                               const float *weight, const float *bias, float epsilon, T *result) {
    constexpr int pack = longest_pack<T>;
    __shared__ float factors[2];
    if (threadIdx.x < warp) {
        Moments all;
        for (int i = threadIdx.x; i < parts; i += warp) all.add(moments[blockIdx.x / members * parts + i]);
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
        for (float &value : numbers.values) value = silu(value * scale + shift);
        store(numbers, result + (start + i) * pack);
    }
}

// Channels that lie last. Block (image, part): the moments of every group in every `parts`-th run of pixels, a run being as many as the
// block's threads hold at once. A thread has the same channels of each.
template <class T>
__global__ void measure_pixels(const T *x, int64_t pixels, int channels, int groups, Moments *moments) {
    constexpr int pack = longest_pack<T>;
    const int packs = channels / pack, across = block / packs, mine = threadIdx.x / packs, first = threadIdx.x % packs * pack;
    x += blockIdx.x * pixels * channels + first;
    // Distances from a thread's first number stay small, so that the squares of their mean take little from their own.
    Numbers<pack> base{}, sums{}, squares{};
    float count = 0;
    for (int64_t i = int64_t(blockIdx.y) * across + mine; mine < across && i < pixels; i += int64_t(gridDim.y) * across) {
        const auto numbers = load<pack>(x + i * channels);
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

// A warp for each group of an image: what its channels are multiplied with, and what is added then.
__global__ void make_factors(const Moments *moments, int parts, int channels, int groups, const float *weight, const float *bias,
                             float epsilon, float2 *factors) {
    Moments all;
    for (int i = threadIdx.x; i < parts; i += warp) all.add(moments[blockIdx.x * parts + i]);
    all.join();
    const float mean = __shfl_sync(~0u, all.mean, 0);
    const float inverse = rsqrtf(__shfl_sync(~0u, all.squares / all.count, 0) + epsilon);
    const int members = channels / groups, image = blockIdx.x / groups, first = blockIdx.x % groups * members;
    for (int channel = first + threadIdx.x; channel < first + members; channel += warp) {
        const float scale = weight[channel] * inverse;
        factors[image * channels + channel] = {scale, bias[channel] - scale * mean};
    }
}

template <class T>
__global__ void scale_pixels_and_silu(const T *x, int64_t pixels, int channels, const float2 *factors, T *result) {
    constexpr int pack = longest_pack<T>;
    const int packs = channels / pack, across = block / packs, mine = threadIdx.x / packs, first = threadIdx.x % packs * pack;
    if (mine >= across) return;
    float2 own[pack];
    for (int j = 0; j < pack; ++j) own[j] = factors[blockIdx.x * channels + first + j];
    const int64_t image = blockIdx.x * pixels * channels + first;
    for (int64_t i = int64_t(blockIdx.y) * across + mine; i < pixels; i += int64_t(gridDim.y) * across) {
        auto numbers = load<pack>(x + image + i * channels);
        for (int j = 0; j < pack; ++j) numbers.values[j] = silu(numbers.values[j] * own[j].x + own[j].y);
        store(numbers, result + image + i * channels);
    }
}

// Blocks that share so many packs, several for each of their threads.
unsigned shares(int64_t packs, int64_t most) {
    return static_cast<unsigned>(std::clamp<int64_t>(packs / (4 * block), 1, most));
}

}  // namespace

cudaError_t ct::group_norm_silu(const void *x, Number type, Planes planes, const float *weight, const float *bias, float epsilon,
                                void *moments, void *result, cudaStream_t stream) {
    const int64_t rows = planes.batch * planes.channels, members = planes.channels / planes.groups;
    with_type(type, [&](auto number) {
        using T = decltype(number);
        const int64_t packs = planes.pixels / longest_pack<T>;
        const unsigned parts = shares(packs * members, most_parts);
        auto *all = static_cast<Moments *>(moments);
        measure<<<dim3(rows / members, parts), block, 0, stream>>>(static_cast<const T *>(x), packs * members, all);
        scale_and_silu<<<dim3(rows, shares(packs, 1024)), block, 0, stream>>>(
            static_cast<const T *>(x), packs, planes.channels, members, all, parts, weight, bias, epsilon,
            static_cast<T *>(result));
    });
    return cudaGetLastError();
}

cudaError_t ct::group_norm_silu_of_pixels(const void *x, Number type, Planes planes, const float *weight, const float *bias,
                                          float epsilon, void *moments, float *factors, void *result, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        const int channels = static_cast<int>(planes.channels), groups = static_cast<int>(planes.groups);
        const int across = block / (channels / longest_pack<T>);
        const int64_t runs = (planes.pixels + across - 1) / across;
        const unsigned parts = static_cast<unsigned>(std::clamp<int64_t>(runs / 4, 1, most_pixel_parts));
        auto *all = static_cast<Moments *>(moments);
        auto *pairs = reinterpret_cast<float2 *>(factors);
        const auto *from = static_cast<const T *>(x);
        const dim3 blocks(planes.batch, parts);
        measure_pixels<<<blocks, block, across * channels * sizeof(Moments), stream>>>(from, planes.pixels, channels, groups, all);
        make_factors<<<planes.batch * groups, warp, 0, stream>>>(all, parts, channels, groups, weight, bias, epsilon, pairs);
        scale_pixels_and_silu<<<dim3(planes.batch, std::clamp<int64_t>(runs / 4, 1, 2048)), block, 0, stream>>>(
            from, planes.pixels, channels, pairs, static_cast<T *>(result));
    });
    return cudaGetLastError();
}
