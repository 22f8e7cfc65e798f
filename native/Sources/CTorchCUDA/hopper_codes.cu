// Codes of queries, keys and values for the attention of hopper_attention.cu. Keys and values are read twice: first for the
// mean and the largest magnitude of each channel.
#include "hopper.cuh"
#include "hopper_attention.h"
#include "packs.cuh"

#include <type_traits>

namespace {

using namespace ct;

constexpr int pack = 8;
constexpr float log2_e = 1.4426950408889634f;

template <class T> __device__ const T *rows_of(const Heads &x, int head) {
    return static_cast<const T *>(x.start) + head / x.heads * x.batch_stride + head % x.heads * x.head_stride;
}

// What a thread reads of a row, or zeros behind the last. It reads in any case and in one piece: many reads are then under way.
template <class T> __device__ Numbers<pack> row_or_zeros(const T *start, const Heads &x, int64_t row) {
    const auto stored = *reinterpret_cast<const Stored<T, pack> *>(start + min(row, x.tokens - 1) * x.token_stride);
    auto result = stored.floats();
    for (float &number : result.values) number = row < x.tokens ? number : 0;
    return result;
}

// Block (part, head): sums of the channels over the keys of a part.
template <class T, int width> __global__ void sum_keys(Heads key, float *sums) {
    constexpr int lanes = width / pack, at_once = block / lanes;
    const int channel = threadIdx.x % lanes * pack, first = threadIdx.x / lanes;
    const T *start = rows_of<T>(key, blockIdx.y) + channel;
    Numbers<pack> sum{};
    for (int row = first; row < keys_of_a_part; row += at_once) {
        const auto numbers = row_or_zeros(start, key, blockIdx.x * keys_of_a_part + row);
        for (int i = 0; i < pack; ++i) sum.values[i] += numbers.values[i];
    }
    __shared__ float all[at_once][width];
    for (int i = 0; i < pack; ++i) all[first][channel + i] = sum.values[i];
    __syncthreads();
    if (threadIdx.x >= width) return;
    float total = 0;
    for (int i = 0; i < at_once; ++i) total += all[i][threadIdx.x];
    sums[(int64_t{blockIdx.y} * gridDim.x + blockIdx.x) * width + threadIdx.x] = total;
}

// Block (part, head): the channels' largest magnitudes over the values of a part. Bits of such numbers have their order.
template <class T, int width> __global__ void measure_values(Heads value, bool for_channels, unsigned *largest) {
    constexpr int lanes = width / pack, at_once = block / lanes;
    const int channel = threadIdx.x % lanes * pack, first = threadIdx.x / lanes;
    const T *start = rows_of<T>(value, blockIdx.y) + channel;
    Numbers<pack> most{};
    for (int row = first; row < keys_of_a_part; row += at_once) {
        const auto numbers = row_or_zeros(start, value, blockIdx.x * keys_of_a_part + row);
        for (int i = 0; i < pack; ++i) most.values[i] = fmaxf(most.values[i], fabsf(numbers.values[i]));
    }
    __shared__ float all[at_once][width];
    for (int i = 0; i < pack; ++i) all[first][channel + i] = most.values[i];
    __syncthreads();
    if (threadIdx.x >= width) return;
    float one = 0;
    for (int i = 0; i < at_once; ++i) one = fmaxf(one, all[i][threadIdx.x]);
    if (for_channels) {
        atomicMax(largest + blockIdx.y * width + threadIdx.x, __float_as_uint(one));
        return;
    }
    for (int offset = warp / 2; offset; offset /= 2) one = fmaxf(one, __shfl_xor_sync(~0u, one, offset));
    if (threadIdx.x % warp == 0) atomicMax(largest + blockIdx.y / value.heads * width, __float_as_uint(one));
}

// x / scale, correctly rounded, of a reciprocal that is: numbers of 16 bits often lie in the middle between two codes.
__device__ float quotient(float x, float scale, float reciprocal) {
    const float near = x * reciprocal;
    return fmaf(fmaf(-near, scale, x), reciprocal, near);
}

// What is too small to have a reciprocal counts as zeros.
__device__ float scale_of(float largest, float maximum) {
    return largest < 1e-35f ? 1 : quotient(largest, maximum, 1 / maximum);
}

// Block: a head's key mean, if there is one, and scales of its values.
__global__ void settle(const float *sums, int parts, int64_t keys, float *mean, const unsigned *largest, int heads,
                       bool for_channels, float *value_scales) {
    const int width = blockDim.x, channel = threadIdx.x;
    const int64_t at = int64_t{blockIdx.x} * width + channel;
    if (mean) {
        float sum = 0;
        for (int64_t part = 0; part < parts; ++part) sum += sums[(int64_t{blockIdx.x} * parts + part) * width + channel];
        mean[at] = sum / keys;
    }
    value_scales[at] = scale_of(__uint_as_float(largest[for_channels ? at : blockIdx.x / heads * width]), 448);
}

__device__ int8_t code(float x, int8_t) { return static_cast<int8_t>(__float2int_rn(x)); }
__device__ __nv_fp8_e4m3 code(float x, __nv_fp8_e4m3) { return __nv_fp8_e4m3(x); }

template <class Code> constexpr float largest_code = std::is_same_v<Code, int8_t> ? 127 : 448;

// A thread of the attention kernel has weights where a product's sums are, and hands them to the next product as rows. Keys lie
// in the order that this makes of them, and their scales too: this is the place of a key in it.
__device__ int place_of_key(int key) { return key / 16 * 16 + key % 8 / 2 * 4 + key / 8 % 2 * 2 + key % 2; }
__device__ int key_at_place(int place) { return place / 16 * 16 + place / 2 % 2 * 8 + place / 4 % 4 * 2 + place % 2; }

// How rows become codes: keys less their mean, and queries, to whose log-sum-exp the mean adds its own score.
struct Coding {
    const float *mean;
    int together;  // tokens that share a scale
    float factor;  // of keys' scales, or of the mean's score
    float *scales;
    float *lse;
};

// Block (tile, head), a warp for 16 tokens.
template <class T, class Code, int width, bool is_key> __global__ void encode_rows(Heads x, Coding coding, Code *codes) {
    constexpr int lanes = width / pack, at_once = warp / lanes, steps = 16 / at_once;
    constexpr int line = row_bytes<Code, width>, line_numbers = line / sizeof(Code);
    const int lane = threadIdx.x % warp, channel = lane % lanes * pack;
    const int first = threadIdx.x / warp * 16 + lane / lanes;
    const int64_t head = blockIdx.y, before = blockIdx.x * tile, all_before = head * gridDim.x * tile + before;
    const T *start = rows_of<T>(x, blockIdx.y) + channel;
    Numbers<pack> rows[steps];
#pragma unroll
    for (int step = 0; step < steps; ++step) rows[step] = row_or_zeros(start, x, before + first + step * at_once);

    float scales[steps];
    if constexpr (sizeof(Code) == 1) {
        const auto mean = load<pack>(coding.mean + head * width + channel);
#pragma unroll
        for (int step = 0; step < steps; ++step) {
            const int64_t token = before + first + step * at_once;
            float largest = 0, score = 0;
            for (int i = 0; i < pack; ++i) {
                float &number = rows[step].values[i];
                if (!is_key) score += number * mean.values[i];
                if (is_key && token < x.tokens) number -= mean.values[i];
                largest = fmaxf(largest, fabsf(number));
            }
            for (int offset = 1; offset < (is_key && coding.together > 1 ? warp : lanes); offset *= 2)
                largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, offset));
            scales[step] = largest;
            if constexpr (!is_key) {
                for (int offset = 1; offset < lanes; offset *= 2) score += __shfl_xor_sync(~0u, score, offset);
                if (channel == 0 && token < x.tokens) coding.lse[head * x.tokens + token] = coding.factor * score;
            }
        }
#pragma unroll
        for (int apart = 1; apart < steps; apart *= 2)
            if (is_key && apart * at_once < coding.together)
                for (int step = 0; step < steps; ++step)
                    if (!(step & apart)) scales[step] = scales[step | apart] = fmaxf(scales[step], scales[step | apart]);
    }

    Code *all = codes + all_before * width;
#pragma unroll
    for (int step = 0; step < steps; ++step) {
        const int row = first + step * at_once;
        union {
            Code numbers[pack];
            uint2 bytes;
        } result;
        if constexpr (sizeof(Code) == 1) {
            const float scale = scale_of(scales[step], largest_code<Code>), reciprocal = __frcp_rn(scale);
            for (int i = 0; i < pack; ++i)
                result.numbers[i] = code(quotient(rows[step].values[i], scale, reciprocal), Code{});
            if (channel == 0)
                coding.scales[all_before + (is_key ? place_of_key(row) : row)] = is_key ? scale * coding.factor : scale;
        }
        Code *part = all + channel / line_numbers * line_numbers * tile;
        auto *at = reinterpret_cast<uint8_t *>(part) + swizzled<line>(row, channel % line_numbers * sizeof(Code));
        if constexpr (sizeof(Code) == 1)
            *reinterpret_cast<uint2 *>(at) = result.bytes;
        else
            store(rows[step], reinterpret_cast<Code *>(at));
    }
}

// Block (tile, head): the values of a tile, channel after channel.
template <class T, int width> __global__ void encode_values(Heads value, const float *scales, uint8_t *codes) {
    constexpr int lanes = width / pack, fours = tile / 4;
    __shared__ uint32_t turned[width * fours];
    const int64_t head = blockIdx.y;
    const int packed = threadIdx.x % lanes, channel = packed * pack;
    const T *start = rows_of<T>(value, blockIdx.y) + channel;
    const auto scale = load<pack>(scales + head * width + channel);
    float reciprocal[pack];
    for (int i = 0; i < pack; ++i) reciprocal[i] = __frcp_rn(scale.values[i]);
    // A thread turns what lies at four places in a row. Neighbours write to different banks.
    for (int four = threadIdx.x / lanes; four < fours; four += block / lanes) {
        Numbers<pack> rows[4];
        for (int i = 0; i < 4; ++i) rows[i] = row_or_zeros(start, value, blockIdx.x * tile + key_at_place(4 * four + i));
#pragma unroll
        for (int i = 0; i < pack; ++i) {
            uint32_t bytes = 0;
            for (int j = 0; j < 4; ++j)
                bytes |= uint32_t{code(quotient(rows[j].values[i], scale.values[i], reciprocal[i]), __nv_fp8_e4m3{}).__x}
                         << 8 * j;
            turned[(channel + i) * fours + (four ^ packed * 2 % fours)] = bytes;
        }
    }
    __syncthreads();
    uint8_t *all = codes + (head * gridDim.x + blockIdx.x) * tile * width;
    for (int i = threadIdx.x; i < width * fours / 4; i += block) {
        const int row = i / (fours / 4), four = i % (fours / 4) * 4, turn = row / pack * 2 % fours;
        const auto low = *reinterpret_cast<const uint2 *>(turned + row * fours + (four ^ turn));
        const auto high = *reinterpret_cast<const uint2 *>(turned + row * fours + (four + 2 ^ turn));
        *reinterpret_cast<uint4 *>(all + swizzled<tile>(row, four * 4)) = {low.x, low.y, high.x, high.y};
    }
}

template <class T, int width> void encode_all(const Attended &attended, const Recipe &recipe, const Coded &coded, float *lse,
                                              cudaStream_t stream) {
    const auto &[query, key, value, type, batch] = attended;
    const unsigned all = batch * query.heads, parts = (key.tokens + keys_of_a_part - 1) / keys_of_a_part;
    const dim3 some(parts, all), queries(tiles(query.tokens), all), keys(tiles(key.tokens), all);
    const bool is_smooth = recipe.codes != Codes::none;
    if (is_smooth) sum_keys<T, width><<<some, block, 0, stream>>>(key, coded.sums);
    measure_values<T, width><<<some, block, 0, stream>>>(value, recipe.value_channels, coded.largest);
    settle<<<all, width, 0, stream>>>(coded.sums, parts, key.tokens, is_smooth ? coded.key_mean : nullptr, coded.largest,
                                      query.heads, recipe.value_channels, coded.value_scales);
    const Coding query_coding{coded.key_mean, 1, recipe.scale, coded.query_scales, lse};
    const Coding key_coding{coded.key_mean, static_cast<int>(recipe.key_block), recipe.scale * log2_e, coded.key_scales,
                            nullptr};
    const auto rows = [&](auto number) {
        using Code = decltype(number);
        encode_rows<T, Code, width, false><<<queries, block, 0, stream>>>(query, query_coding,
                                                                          static_cast<Code *>(coded.query));
        encode_rows<T, Code, width, true><<<keys, block, 0, stream>>>(key, key_coding, static_cast<Code *>(coded.key));
    };
    switch (recipe.codes) {
    case Codes::int8: rows(int8_t{}); break;
    case Codes::float8: rows(__nv_fp8_e4m3{}); break;
    case Codes::none: rows(std::conditional_t<std::is_same_v<T, __half>, __half, __nv_bfloat16>{}); break;
    }
    encode_values<T, width><<<keys, block, 0, stream>>>(value, coded.value_scales, static_cast<uint8_t *>(coded.value));
}

}  // namespace

cudaError_t ct::encode(const Attended &attended, const Recipe &recipe, const Coded &coded, float *lse, cudaStream_t stream) {
    with_type(attended.type, [&](auto number) {
        using T = decltype(number);
        attended.query.width == 64 ? encode_all<T, 64>(attended, recipe, coded, lse, stream)
                                   : encode_all<T, 128>(attended, recipe, coded, lse, stream);
    });
    return cudaGetLastError();
}
