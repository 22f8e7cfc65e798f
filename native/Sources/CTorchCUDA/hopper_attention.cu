// Attention to codes: weights in E4M3 from queries and keys of 8 or 16 bits, and their products with values in E4M3.
//
// A block takes 128 queries of a head and goes through its keys, 128 at a time. One thread copies; two groups of four warps
// have 64 queries each. A group computes with one tile's scores while its products with the tiles before and behind are under
// way, and the two take turns at exponentials, which take as long as the products. Sums of E4M3 products keep only some 13
// bits, so every 128 keys have sums of their own, which are then added in float32.
#include "hopper.cuh"
#include "hopper_attention.h"
#include "packs.cuh"

#include <type_traits>

namespace {

using namespace ct;

constexpr int groups = 2, rows_of_group = 64;
constexpr int threads = (1 + groups) * group;
// The largest weight is the largest number of E4M3: 448 is 2 to the power of this.
constexpr float log2_448 = 8.807354922057604f, log2_e = 1.4426950408889634f, ln_2 = 0.6931471805599453f;

template <class Code> constexpr bool has_scales = sizeof(Code) == 1;

// What a block has in shared memory.
template <class Code, int width> struct Shared {
    static constexpr int operand_bytes = tile * width * sizeof(Code), value_bytes = tile * width;
    static constexpr int stages = sizeof(Code) == 1 ? 4 : 3;

    struct Stage {
        uint8_t key[operand_bytes], value[value_bytes];
    };
    uint8_t query[operand_bytes];
    Stage stages_of[stages];
    float key_scales[stages][tile];
    Barrier query_is_there, is_full[stages], is_empty[stages], may_weigh[groups];
};

struct Arguments {
    Coded coded;
    float factor;  // of scores without scales, times log2 e
    int heads;
    int64_t tokens, keys, key_tiles;
    void *result;
    Number type;
    float *lse;
};

// Copies the queries and, from the last to the first, the keys and values of every tile.
template <class Code, int width> __device__ void supply(Shared<Code, width> &shared, const Arguments &given) {
    using Memory = Shared<Code, width>;
    const int64_t head = blockIdx.y, count = given.key_tiles;
    const auto *queries = static_cast<const uint8_t *>(given.coded.query);
    shared.query_is_there.arrive_and_expect(Memory::operand_bytes);
    copy(shared.query, queries + (head * gridDim.x + blockIdx.x) * Memory::operand_bytes, Memory::operand_bytes,
         shared.query_is_there);
    Round<Memory::stages> place;
    for (int64_t at = (head + 1) * count - 1; at >= head * count; --at, place.move()) {
        auto &stage = shared.stages_of[place.stage];
        Barrier &full = shared.is_full[place.stage];
        shared.is_empty[place.stage].wait(place.parity ^ 1);
        constexpr int scale_bytes = has_scales<Code> ? tile * sizeof(float) : 0;
        full.arrive_and_expect(sizeof stage + scale_bytes);
        copy(stage.key, static_cast<const uint8_t *>(given.coded.key) + at * Memory::operand_bytes, sizeof stage.key, full);
        if (has_scales<Code>) copy(shared.key_scales[place.stage], given.coded.key_scales + at * tile, scale_bytes, full);
        copy(stage.value, static_cast<const uint8_t *>(given.coded.value) + at * Memory::value_bytes, sizeof stage.value, full);
    }
}

// The softmax of a thread's two rows so far, in powers of 2.
struct Softmax {
    float factor[2];                             // what scores of a row are still to be multiplied with
    float largest[2] = {-INFINITY, -INFINITY};   // before that
    float total[2] = {0, 0};                     // of the weights, this thread's part
    float shrunk[2] = {0, 0};                    // what the last scores made of weights before them

    // Takes scores in: the largest so far, and what that makes of the weights before.
    __device__ void look_at(const float (&scores)[64]) {
        float most[2][2] = {{largest[0], largest[0]}, {largest[1], largest[1]}};
#pragma unroll
        for (int i = 0; i < 64; ++i) most[i / 2 % 2][i % 2] = fmaxf(most[i / 2 % 2][i % 2], scores[i]);
#pragma unroll
        for (int row = 0; row < 2; ++row) {
            const float before = largest[row];
            largest[row] = largest_of_row(fmaxf(most[row][0], most[row][1]));
            shrunk[row] = power_of_2((before - largest[row]) * factor[row]);
        }
    }

    // Makes weights of them, from a `turn` of 1.
    __device__ void weigh(float (&scores)[64], uint32_t turn) {
        const float top = __uint_as_float(__float_as_uint(log2_448) & -turn);
        const float shift[2] = {top - largest[0] * factor[0], top - largest[1] * factor[1]};
        float sums[2][2] = {{total[0] * shrunk[0], 0}, {total[1] * shrunk[1], 0}};
#pragma unroll
        for (int i = 0; i < 64; ++i) {
            scores[i] = power_of_2(fmaf(scores[i], factor[i / 2 % 2], shift[i / 2 % 2]));
            sums[i / 2 % 2][i % 2] += scores[i];
        }
#pragma unroll
        for (int row = 0; row < 2; ++row) total[row] = sums[row][0] + sums[row][1];
    }
};

__device__ uint32_t four_bytes(float a, float b, float c, float d) {
    const uint32_t low = __nv_cvt_float2_to_fp8x2({a, b}, __NV_SATFINITE, __NV_E4M3);
    const uint32_t high = __nv_cvt_float2_to_fp8x2({c, d}, __NV_SATFINITE, __NV_E4M3);
    return low | high << 16;
}

// What one group of warps computes with.
template <class Code, int width> struct Group {
    using Memory = Shared<Code, width>;
    using Place = Round<Memory::stages>;
    static constexpr int line = row_bytes<Code, width>, outputs = width / 2;

    Memory &shared;
    const int mine;
    uint32_t weights[4][4];
    float output[outputs];
    Softmax softmax;
    uint32_t turn = 0;

    __device__ Group(Memory &shared, int mine) : shared(shared), mine(mine) {}

    __device__ void begin_scores(int stage, uint32_t (&sums)[64]) {
        begin_products();
#pragma unroll
        for (int part = 0; part < width * static_cast<int>(sizeof(Code)) / line; ++part)
#pragma unroll
            for (int step = 0; step < line / 32; ++step)
                multiply(Code{}, operand<line>(shared.query + (part * tile + mine * rows_of_group) * line) + 2 * step,
                         operand<line>(shared.stages_of[stage].key + part * tile * line) + 2 * step, part + step > 0, sums);
        end_batch();
    }

    __device__ void begin_outputs(int stage, uint32_t (&sums)[outputs]) {
        begin_products();
#pragma unroll
        for (int step = 0; step < 4; ++step)
            multiply(weights[step], operand<tile>(shared.stages_of[stage].value) + 2 * step, step > 0, sums);
        end_batch();
    }

    __device__ void scale_scores(int stage, const uint32_t (&sums)[64], float (&scores)[64]) {
        // A thread's columns of 16 keys have their scales in a row.
        const auto *scales = reinterpret_cast<const float4 *>(shared.key_scales[stage]) + threadIdx.x % 4;
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            const float4 four = has_scales<Code> ? scales[4 * i] : float4{};
            const float each[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
            for (int j = 0; j < 8; ++j) {
                const uint32_t sum = sums[8 * i + j];
                const float score = std::is_same_v<Code, int8_t> ? static_cast<int>(sum) : __uint_as_float(sum);
                scores[8 * i + j] = has_scales<Code> ? score * each[j / 4 * 2 + j % 2] : score;
            }
        }
    }

    // Nothing is left of the scores of keys from `count` on.
    __device__ void mask(int count, float (&scores)[64]) {
#pragma unroll
        for (int i = 0; i < 64; ++i)
            if (i / 4 * 8 + threadIdx.x % 4 * 2 + i % 2 >= count) scores[i] = -INFINITY;
    }

    __device__ void round_weights(const float (&of)[64]) {
#pragma unroll
        for (int step = 0; step < 4; ++step)
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const float *four = of + 16 * step + i / 2 * 8 + i % 2 * 2;
                weights[step][i] = four_bytes(four[0], four[1], four[4], four[5]);
            }
    }

    __device__ void add_outputs(const float (&shrunk)[2], const uint32_t (&sums)[outputs]) {
#pragma unroll
        for (int i = 0; i < outputs; ++i) output[i] = fmaf(output[i], shrunk[i / 2 % 2], __uint_as_float(sums[i]));
    }

    // Lets the other group compute exponentials. The total is never below 0, and is there when all exponentials are.
    __device__ void pass_turn() {
        if (threadIdx.x % warp == 0 && !(softmax.total[0] + softmax.total[1] < 0)) shared.may_weigh[1 - mine].arrive();
    }

    // From a tile's finished scores, while the outputs of the tile before are under way, to its own outputs under way, the next
    // scores being finished.
    __device__ void take(int keys, int before, int stage, const Place &next, uint32_t (&sums)[64], uint32_t (&next_sums)[64],
                         uint32_t (&outputs_before)[outputs], uint32_t (&own_outputs)[outputs]) {
        float scores[64];
        scale_scores(stage, sums, scores);
        if (keys < tile) mask(keys, scores);
        const float shrunk[2] = {softmax.shrunk[0], softmax.shrunk[1]};
        softmax.look_at(scores);
        // Before the outputs are waited for: the compiler takes nothing past this.
        shared.is_full[next.stage].wait(next.parity);
        finish<0>(outputs_before);
        if (before != stage && threadIdx.x % warp == 0) shared.is_empty[before].arrive();
        add_outputs(shrunk, outputs_before);
        begin_scores(next.stage, next_sums);
        softmax.weigh(scores, shared.may_weigh[mine].wait(turn));
        turn ^= 1;
        pass_turn();
        round_weights(scores);
        begin_outputs(stage, own_outputs);
        finish<1>(next_sums);
    }

    // All tiles of keys, the last one first, whose keys may be fewer. At the end there are scores that nothing is made of.
    __device__ void take_all(int64_t count, int keys, uint32_t (&one)[64], uint32_t (&other)[64],
                             uint32_t (&outputs_of_one)[outputs], uint32_t (&outputs_of_other)[outputs]) {
#pragma unroll
        for (int i = 0; i < outputs; ++i) output[i] = outputs_of_other[i] = 0;
        Place place, next;
        int before = 0;
        shared.query_is_there.wait(0);
        shared.is_full[0].wait(0);
        begin_scores(0, one);
        finish<0>(one);
        if (mine == 1) pass_turn();
        while (true) {
            if (--count) next.move();
            take(keys, before, place.stage, next, one, other, outputs_of_other, outputs_of_one);
            before = place.stage, place = next, keys = tile;
            if (!count) {
                finish<0>(outputs_of_one);
                return add_outputs(softmax.shrunk, outputs_of_one);
            }
            if (--count) next.move();
            take(keys, before, place.stage, next, other, one, outputs_of_one, outputs_of_other);
            before = place.stage, place = next;
            if (!count) {
                finish<0>(outputs_of_other);
                return add_outputs(softmax.shrunk, outputs_of_other);
            }
        }
    }

    // Outputs of 128 channels have the registers of the scores that they come from; there are no others.
    __device__ void run(int64_t count, int keys_of_last) {
        uint32_t one[64], other[64];
        if constexpr (width == 128) {
            take_all(count, keys_of_last, one, other, one, other);
        } else {
            uint32_t both[outputs];
            take_all(count, keys_of_last, one, other, both, both);
        }
    }

    // The rows of a thread, `row` and `row + 8` of a tile.
    template <class T> __device__ void write(const Arguments &given, int64_t row) {
        const int head = blockIdx.y, own = head % given.heads, channel = threadIdx.x % 4 * 2;
        const float *scales = given.coded.value_scales + head * width + channel;
        const float totals[2] = {sum_of_row(softmax.total[0]), sum_of_row(softmax.total[1])};
        T *results = static_cast<T *>(given.result);
#pragma unroll
        for (int half = 0; half < 2; ++half, row += 8) {
            if (row >= given.tokens) return;
            const float total = totals[half], factor = 1 / total;
            T *result = results + ((head / given.heads * given.tokens + row) * given.heads + own) * width;
#pragma unroll
            for (int i = 0; i < width / 8; ++i)
                store(Numbers<2>{output[4 * i + 2 * half] * factor * scales[8 * i],
                                 output[4 * i + 2 * half + 1] * factor * scales[8 * i + 1]},
                      result + 8 * i + channel);
            if (channel) continue;
            const float score = ln_2 * (log2f(total) - log2_448 + softmax.largest[half] * softmax.factor[half]);
            float &lse = given.lse[head * given.tokens + row];
            lse = has_scales<Code> ? lse + score : score;
        }
    }
};

template <class Code, int width> __global__ void __launch_bounds__(threads, 1) attend_to_codes(const Arguments given) {
    extern __shared__ __align__(1024) uint8_t memory[];
    auto &shared = *reinterpret_cast<Shared<Code, width> *>(memory);
    if (threadIdx.x == 0) {
        shared.query_is_there.open(1);
        for (Barrier &barrier : shared.is_full) barrier.open(1);
        for (Barrier &barrier : shared.is_empty) barrier.open(groups * group / warp);
        for (Barrier &barrier : shared.may_weigh) barrier.open(group / warp);
        show_barriers();
    }
    __syncthreads();
    if (threadIdx.x < group) {
        shrink_to<24>();
        if (threadIdx.x == 0) supply(shared, given);
    } else {
        grow_to<240>();
        // The same in all of a warp, which the compiler is to know.
        const int mine = __shfl_sync(~0u, threadIdx.x / group - 1, 0), first_row = mine * rows_of_group;
        Group<Code, width> group_of_warps(shared, mine);
        const int64_t row = blockIdx.x * tile + first_row + threadIdx.x % group / warp * 16 + threadIdx.x % warp / 4;
#pragma unroll
        for (int half = 0; half < 2; ++half)
            group_of_warps.softmax.factor[half] =
                has_scales<Code> ? given.coded.query_scales[blockIdx.y * tile * gridDim.x + row + 8 * half] : given.factor;
        group_of_warps.run(given.key_tiles, given.keys - (given.key_tiles - 1) * tile);
        switch (given.type) {
        case Number::float32: return group_of_warps.template write<float>(given, row);
        case Number::float16: return group_of_warps.template write<__half>(given, row);
        case Number::bfloat16: return group_of_warps.template write<__nv_bfloat16>(given, row);
        }
    }
}

template <class Code, int width> cudaError_t launch(const Arguments &given, int64_t all, cudaStream_t stream) {
    constexpr int bytes = sizeof(Shared<Code, width>);
    static_assert(bytes <= 227 * 1024);
    const auto kernel = attend_to_codes<Code, width>;
    const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    if (error) return error;
    kernel<<<dim3(tiles(given.tokens), all), threads, bytes, stream>>>(given);
    return cudaGetLastError();
}

}  // namespace

cudaError_t ct::attend(const Attended &attended, const Recipe &recipe, const Coded &coded, void *result, float *lse,
                       cudaStream_t stream) {
    const int64_t heads = attended.query.heads, all = attended.batch * heads, keys = attended.key.tokens;
    const Arguments given{coded,       recipe.scale * log2_e, static_cast<int>(heads), attended.query.tokens, keys,
                          tiles(keys), result,                attended.type,           lse};
    const auto of = [&](auto number) {
        using Code = decltype(number);
        return attended.query.width == 64 ? launch<Code, 64>(given, all, stream) : launch<Code, 128>(given, all, stream);
    };
    switch (recipe.codes) {
    case Codes::int8: return of(int8_t{});
    case Codes::float8: return of(__nv_fp8_e4m3{});
    case Codes::none: return attended.type == Number::float16 ? of(__half{}) : of(__nv_bfloat16{});
    }
    return cudaErrorInvalidValue;
}
