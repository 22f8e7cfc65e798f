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
