// Attention of 16-bit numbers on Hopper, after FlashAttention 3 (Shah et al. 2024): one thread copies, and two groups of four
// warps have 64 queries of a head each. A group's exponentials are computed while its products with the values before are under
// way, and the two groups take turns at starting products. A block goes through several tiles of queries, one after the other;
// tiles that do not make a whole round are cut along their keys, so that all blocks have as much to do, and joined by another
// kernel.
#include "hopper.cuh"
#include "hopper_exact_attention.h"
#include "packs.cuh"

#include <type_traits>

namespace {

using namespace ct;

constexpr int groups = 2, rows_of_group = 64, queries = groups * rows_of_group;
constexpr int threads = (1 + groups) * group;
// Keys that are taken at once: as many as shared memory has room for twice.
constexpr int keys_at_once = 176, stages = 2, scores_of_thread = keys_at_once / 2;
// Numbers of a row that lie together in shared memory: 128 bytes.
constexpr int part = 64;
// Tiles are cut if each block has so many tiles of keys less to do: 2 microseconds each.
constexpr int least_saved = 6;
constexpr float log2_e = 1.4426950408889634f, ln_2 = 0.6931471805599453f;

template <class T, int width> struct Shared {
    static constexpr int parts = width / part;

    struct Tile {
        T rows[parts][keys_at_once][part];
    };
    T query[parts][queries][part];
    Tile key[stages], value[stages];
    Barrier query_is_there, query_is_read, key_is_there[stages], key_is_read[stages], value_is_there[stages],
        value_is_read[stages];
};

struct Arguments {
    CUtensorMap query, key, value;
    float factor;  // of scores, times log2 e
    int heads, heads_of_key;
    int query_tiles, all_tiles, key_tiles, keys_of_last;
    // Blocks, and the rounds in which each takes a whole tile.
    int blocks, rounds;
    int64_t tokens;
    void *result;
    float *lse;
    // Two of each block, if tiles are cut: sums of `queries` rows, then of each row the largest score and the total.
    float *parts;

    __host__ __device__ int cut_tiles() const { return all_tiles - rounds * blocks; }
    // Where a block begins in the keys of the tiles that are cut, in tiles of keys.
    __host__ __device__ int begin_of(int block) const {
        return static_cast<int>(static_cast<int64_t>(cut_tiles()) * key_tiles * block / blocks);
    }
};

// A tile of queries with some of its tiles of keys, from the last of them to the first.
struct Work {
    int tile, begin, end;
    // Which of a block's parts that is, or -1 if it is whole.
    int part = -1;

    // Counts heads of all items of the batch.
    __device__ int head(const Arguments &given) const { return tile / given.query_tiles; }
    __device__ int row(const Arguments &given) const { return tile % given.query_tiles * queries; }
};

// Calls `take` with what this block has to do, one after the other.
template <class Take> __device__ void for_each_work(const Arguments &given, const Take &take) {
    const int block = blockIdx.x, whole = given.key_tiles;
    for (int round = 0; round < given.rounds; ++round) {
        const int tile = round * given.blocks + block;
        if (tile < given.all_tiles) take(Work{tile, 0, whole});
    }
    if (!given.parts) return;
    const int end = given.begin_of(block + 1);
    for (int at = given.begin_of(block); at < end;) {
        const int tile = at / whole, begin = at % whole, last = min(whole, begin + end - at);
        take(Work{given.rounds * given.blocks + tile, begin, last, last - begin == whole ? -1 : begin > 0 ? 0 : 1});
        at += last - begin;
    }
}

// Copies what the tiles of a block's work need, for the groups to wait for.
template <class T, int width> __device__ void supply(Shared<T, width> &shared, const Arguments &given) {
    using Memory = Shared<T, width>;
    const auto copy_tile = [&](typename Memory::Tile &to, const CUtensorMap &from, int tile, int head, int item, Barrier &full) {
        full.arrive_and_expect(sizeof to);
        for (int i = 0; i < Memory::parts; ++i) copy_box(to.rows[i], from, i * part, tile * keys_at_once, head, item, full);
    };
    Round<stages> key, value;
    uint32_t query_parity = 1;
    for_each_work(given, [&](const Work &work) {
        const int head = work.head(given), item = head / given.heads, own = head % given.heads;
        const int of_key = own / (given.heads / given.heads_of_key);
        shared.query_is_read.wait(query_parity);
        query_parity ^= 1;
        shared.query_is_there.arrive_and_expect(sizeof shared.query);
        for (int i = 0; i < Memory::parts; ++i)
            copy_box(shared.query[i], given.query, i * part, work.row(given), own, item, shared.query_is_there);
        const auto next_key = [&](int tile) {
            shared.key_is_read[key.stage].wait(key.parity ^ 1);
            copy_tile(shared.key[key.stage], given.key, tile, of_key, item, shared.key_is_there[key.stage]);
            key.move();
        };
        next_key(work.end - 1);
        for (int tile = work.end - 1; tile >= work.begin; --tile) {
            if (tile > work.begin) next_key(tile - 1);
            shared.value_is_read[value.stage].wait(value.parity ^ 1);
            copy_tile(shared.value[value.stage], given.value, tile, of_key, item, shared.value_is_there[value.stage]);
            value.move();
        }
    });
}

// Two numbers in the bits of a word.
template <class T> __device__ uint32_t pair(float a, float b) {
    std::conditional_t<std::is_same_v<T, __half>, __half2, __nv_bfloat162> both;
    round({a, b}, both);
    return reinterpret_cast<const uint32_t &>(both);
}

// Four threads beside each other have four words each: afterwards the first one has the first word of each, and so on.
__device__ void turn_four(uint32_t (&words)[4]) {
    const bool is_odd = threadIdx.x & 1, is_high = threadIdx.x & 2;
    const auto swap = [](uint32_t &low, uint32_t &high, bool has_high, int beside) {
        const uint32_t other = __shfl_xor_sync(~0u, has_high ? low : high, beside);
        (has_high ? low : high) = other;
    };
    swap(words[0], words[1], is_odd, 1), swap(words[2], words[3], is_odd, 1);
    swap(words[0], words[2], is_high, 2), swap(words[1], words[3], is_high, 2);
}

// Waits until the group `mine` may start products, and lets another.
__device__ void take_turn(int mine) { asm volatile("bar.sync %0, %1;" ::"r"(1 + mine), "n"(groups * group) : "memory"); }
__device__ void give_turn(int other) { asm volatile("bar.arrive %0, %1;" ::"r"(1 + other), "n"(groups * group) : "memory"); }

// The part of that number: [queries, width] sums, then the largest score of each query, and the total of its weights.
template <int width> __device__ float *part_of(const Arguments &given, int number) {
    return given.parts + static_cast<int64_t>(number) * queries * (width + 2);
}

// What one group of warps computes with.
template <class T, int width> struct Group {
    using Memory = Shared<T, width>;

    Memory &shared;
    const Arguments &given;
    const int mine;
    Round<stages> key, value;
    uint32_t query_parity = 0;
    float scores[scores_of_thread], output[width / 2];
    uint32_t weights[keys_at_once / 16][4];
    float largest[2], total[2], shrunk[2];

    __device__ Group(Memory &shared, const Arguments &given, int mine) : shared(shared), given(given), mine(mine) {}

    __device__ void begin_scores() {
        begin_products();
#pragma unroll
        for (int i = 0; i < Memory::parts; ++i)
#pragma unroll
            for (int step = 0; step < 4; ++step)
                multiply(T{}, operand<128>(shared.query[i][mine * rows_of_group]) + 2 * step,
                         operand<128>(shared.key[key.stage].rows[i]) + 2 * step, i + step > 0, scores);
        end_batch();
    }

    __device__ void begin_outputs(bool add) {
        begin_products();
        const auto &rows = shared.value[value.stage].rows;
        const uint64_t values = operand_by_rows(rows, sizeof rows[0]);
#pragma unroll
        for (int step = 0; step < keys_at_once / 16; ++step)
            multiply(T{}, weights[step], values + 128 * step, step > 0 || add, output);
        end_batch();
    }

    __device__ void release(Barrier &barrier) {
        if (threadIdx.x % warp == 0) barrier.arrive();
    }

    // Makes weights of the scores, in powers of 2, from the largest so far.
    __device__ void weigh(bool is_first) {
        float most[2][2] = {{scores[0], scores[1]}, {scores[2], scores[3]}};
#pragma unroll
        for (int i = 4; i < scores_of_thread; ++i) most[i / 2 % 2][i % 2] = fmaxf(most[i / 2 % 2][i % 2], scores[i]);
        float shift[2];
#pragma unroll
        for (int row = 0; row < 2; ++row) {
            const float here = largest_of_row(fmaxf(most[row][0], most[row][1])), before = largest[row];
            largest[row] = is_first ? here : fmaxf(before, here);
            shrunk[row] = is_first ? 0 : power_of_2((before - largest[row]) * given.factor);
            shift[row] = -largest[row] * given.factor;
        }
        float sums[2][2] = {};
#pragma unroll
        for (int i = 0; i < scores_of_thread; ++i) {
            scores[i] = power_of_2(fmaf(scores[i], given.factor, shift[i / 2 % 2]));
            sums[i / 2 % 2][i % 2] += scores[i];
        }
#pragma unroll
        for (int row = 0; row < 2; ++row)
            total[row] = (is_first ? 0 : total[row] * shrunk[row]) + (sums[row][0] + sums[row][1]);
    }

    __device__ void mask(int count) {
#pragma unroll
        for (int i = 0; i < scores_of_thread; ++i)
            if (i / 4 * 8 + threadIdx.x % 4 * 2 + i % 2 >= count) scores[i] = -INFINITY;
    }

    __device__ void round_weights() {
#pragma unroll
        for (int step = 0; step < keys_at_once / 16; ++step)
#pragma unroll
            for (int i = 0; i < 4; ++i) weights[step][i] = pair<T>(scores[8 * step + 2 * i], scores[8 * step + 2 * i + 1]);
    }

    __device__ void shrink_output() {
#pragma unroll
        for (int i = 0; i < width / 2; ++i) output[i] *= shrunk[i / 2 % 2];
    }

    __device__ void run(const Work &work) {
        shared.query_is_there.wait(query_parity);
        query_parity ^= 1;
        shared.key_is_there[key.stage].wait(key.parity);
        begin_scores();
        finish<0>(scores);
        release(shared.key_is_read[key.stage]);
        key.move();
        if (work.end == given.key_tiles && given.keys_of_last < keys_at_once) mask(given.keys_of_last);
        weigh(true);
        round_weights();
        for (int tile = work.end - 2; tile >= work.begin; --tile) {
            const bool is_first = tile == work.end - 2;
            shared.key_is_there[key.stage].wait(key.parity);
            take_turn(mine);
            begin_scores();
            shared.value_is_there[value.stage].wait(value.parity);
            begin_outputs(!is_first);
            give_turn(1 - mine);
            finish<1>(scores);
            release(shared.key_is_read[key.stage]);
            key.move();
            weigh(false);
            finish<0>(output);
            release(shared.value_is_read[value.stage]);
            value.move();
            round_weights();
            if (__any_sync(~0u, shrunk[0] != 1 || shrunk[1] != 1)) shrink_output();
        }
        release(shared.query_is_read);
        shared.value_is_there[value.stage].wait(value.parity);
        begin_outputs(work.end - work.begin > 1);
        finish<0>(output);
        release(shared.value_is_read[value.stage]);
        value.move();
        if (work.part < 0)
            write(work);
        else
            keep(work.part);
    }

    // Sums and totals of this block's part.
    __device__ void keep(int of_block) {
        float *kept = part_of<width>(given, 2 * blockIdx.x + of_block);
        int row = mine * rows_of_group + threadIdx.x % group / warp * 16 + threadIdx.x % warp / 4;
#pragma unroll
        for (int half = 0; half < 2; ++half, row += 8) {
            const float sum = sum_of_row(total[half]);
#pragma unroll
            for (int i = 0; i < width / 8; ++i)
                *reinterpret_cast<float2 *>(kept + row * width + 8 * i + threadIdx.x % 4 * 2) = {output[4 * i + 2 * half],
                                                                                                 output[4 * i + 2 * half + 1]};
            if (threadIdx.x % 4) continue;
            kept[queries * width + row] = largest[half];
            kept[queries * (width + 1) + row] = sum;
        }
    }

    __device__ void write(const Work &work) {
        const int head = work.head(given), own = head % given.heads, channel = threadIdx.x % 4 * 2;
        int64_t row = work.row(given) + mine * rows_of_group + threadIdx.x % group / warp * 16 + threadIdx.x % warp / 4;
        T *results = static_cast<T *>(given.result);
#pragma unroll
        for (int half = 0; half < 2; ++half, row += 8) {
            const float sum = sum_of_row(total[half]), factor = 1 / sum;
            T *result = results + ((head / given.heads * given.tokens + row) * given.heads + own) * width;
#pragma unroll
            for (int i = 0; i < width / 8; i += 4) {
                uint32_t words[4];
#pragma unroll
                for (int j = 0; j < 4; ++j)
                    words[j] = pair<T>(output[4 * (i + j) + 2 * half] * factor, output[4 * (i + j) + 2 * half + 1] * factor);
                turn_four(words);
                if (row < given.tokens)
                    *reinterpret_cast<uint4 *>(result + 8 * i + 4 * channel) = {words[0], words[1], words[2], words[3]};
            }
            if (channel == 0 && row < given.tokens)
                given.lse[head * given.tokens + row] = ln_2 * (log2f(sum) + largest[half] * given.factor);
        }
    }
};

template <class T, int width>
__global__ void __launch_bounds__(threads, 1) attend_exactly(const __grid_constant__ Arguments given) {
    extern __shared__ __align__(1024) uint8_t memory[];
    auto &shared = *reinterpret_cast<Shared<T, width> *>(memory);
    constexpr int warps = groups * group / warp;
    if (threadIdx.x == 0) {
        shared.query_is_there.open(1);
        shared.query_is_read.open(warps);
        for (int stage = 0; stage < stages; ++stage) {
            shared.key_is_there[stage].open(1);
            shared.value_is_there[stage].open(1);
            shared.key_is_read[stage].open(warps);
            shared.value_is_read[stage].open(warps);
        }
        show_barriers();
    }
    __syncthreads();
    if (threadIdx.x < group) {
        shrink_to<24>();
        if (threadIdx.x == 0) supply(shared, given);
    } else {
        grow_to<240>();
        // The same in all of a warp, which the compiler is to know.
        const int mine = __shfl_sync(~0u, threadIdx.x / group - 1, 0);
        Group<T, width> group_of_warps(shared, given, mine);
        if (mine == 1) give_turn(0);
        for_each_work(given, [&](const Work &work) { group_of_warps.run(work); });
    }
}

// Joins the parts of a tile that was cut, in the order of its keys. A warp has a row at a time.
constexpr int threads_of_join = 128, rows_of_join = 16;
template <class T, int width> __global__ void join_parts(const __grid_constant__ Arguments given) {
    constexpr int numbers = width / warp;
    const int cut = blockIdx.x, whole = given.key_tiles, begin = cut * whole, end = begin + whole;
    // The first block that has some of its keys: the last one that begins no later.
    int first = static_cast<int>(static_cast<int64_t>(begin) * given.blocks / (static_cast<int64_t>(given.cut_tiles()) * whole));
    while (given.begin_of(first + 1) <= begin) ++first;
    if (given.begin_of(first + 1) >= end) return;  // it is whole, and written
    const Work work{given.rounds * given.blocks + cut, 0, whole};
    const int head = work.head(given), own = head % given.heads, lane = threadIdx.x % warp;
    for (int i = threadIdx.x / warp; i < rows_of_join; i += threads_of_join / warp) {
        const int row = blockIdx.y * rows_of_join + i;
        const int64_t token = work.row(given) + row;
        if (token >= given.tokens) return;
        float largest = -INFINITY, total = 0, sums[numbers] = {};
        for (int block = first; given.begin_of(block) < end; ++block) {
            const float *kept = part_of<width>(given, 2 * block + (given.begin_of(block) > begin ? 0 : 1));
            const float here = kept[queries * width + row], before = largest;
            largest = fmaxf(before, here);
            const float of_before = power_of_2((before - largest) * given.factor), of_this = power_of_2((here - largest) * given.factor);
            total = total * of_before + kept[queries * (width + 1) + row] * of_this;
#pragma unroll
            for (int j = 0; j < numbers; ++j)
                sums[j] = sums[j] * of_before + kept[row * width + numbers * lane + j] * of_this;
        }
        T *result = static_cast<T *>(given.result) + ((head / given.heads * given.tokens + token) * given.heads + own) * width;
#pragma unroll
        for (int j = 0; j < numbers; j += 2)
            *reinterpret_cast<uint32_t *>(result + numbers * lane + j) = pair<T>(sums[j] / total, sums[j + 1] / total);
        if (lane == 0) given.lse[head * given.tokens + token] = ln_2 * (log2f(total) + largest * given.factor);
    }
}

using Encode = CUresult(CUtensorMap *, CUtensorMapDataType, cuuint32_t, void *, const cuuint64_t *, const cuuint64_t *,
                        const cuuint32_t *, const cuuint32_t *, CUtensorMapInterleave, CUtensorMapSwizzle, CUtensorMapL2promotion,
                        CUtensorMapFloatOOBfill);

// The driver's function, which no library of the toolkit has.
Encode *encode() {
    static Encode *const found = [] {
        void *function = nullptr;
        cudaDriverEntryPointQueryResult result;
        if (cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault, &result))
            function = nullptr;
        return reinterpret_cast<Encode *>(function);
    }();
    return found;
}

// What copies are told of heads: `rows` tokens at a time.
bool describe(CUtensorMap &map, const Heads &heads, int64_t batch, Number type, cuuint32_t rows) {
    const cuuint64_t sizes[] = {static_cast<cuuint64_t>(heads.width), static_cast<cuuint64_t>(heads.tokens),
                                static_cast<cuuint64_t>(heads.heads), static_cast<cuuint64_t>(batch)};
    // Of an axis of one, any step will do.
    const auto step = [&](int64_t stride, int64_t size) { return static_cast<cuuint64_t>(size == 1 ? heads.width * 2 : stride * 2); };
    const cuuint64_t steps[] = {step(heads.token_stride, heads.tokens), step(heads.head_stride, heads.heads),
                                step(heads.batch_stride, batch)};
    const cuuint32_t box[] = {part, rows, 1, 1}, every[] = {1, 1, 1, 1};
    return encode() && !encode()(&map, type == Number::float16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
                                 4, const_cast<void *>(heads.start), sizes, steps, box, every, CU_TENSOR_MAP_INTERLEAVE_NONE,
                                 CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
}

template <class T, int width> cudaError_t launch(const Arguments &given, cudaStream_t stream) {
    constexpr int bytes = sizeof(Shared<T, width>);
    static_assert(bytes <= 227 * 1024);
    const auto kernel = attend_exactly<T, width>;
    const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    if (error) return error;
    kernel<<<given.blocks, threads, bytes, stream>>>(given);
    if (given.parts) join_parts<T, width><<<dim3(given.cut_tiles(), queries / rows_of_join), threads_of_join, 0, stream>>>(given);
    return cudaGetLastError();
}

}  // namespace

namespace {

struct Tiles {
    int of_queries, all, of_keys, blocks, rounds;
};

// How tiles are shared between so many processors. Those of the last rounds are cut if that saves more than the joining takes.
Tiles share(const Exact &exact, int processors) {
    const auto tiles = [](int64_t count, int64_t size) { return static_cast<int>((count + size - 1) / size); };
    Tiles shared{tiles(exact.query.tokens, queries), 0, tiles(exact.key.tokens, keys_at_once)};
    shared.all = shared.of_queries * static_cast<int>(exact.batch * exact.query.heads);
    shared.rounds = tiles(shared.all, processors);
    shared.blocks = min(processors, shared.all);
    const int rounds = max(shared.all / processors - 1, 0), cut = shared.all - rounds * processors;
    const int64_t steps = int64_t(cut) * shared.of_keys;
    const int blocks = static_cast<int>(min(int64_t(processors), (steps + 1) / 2));
    if ((shared.rounds - rounds) * shared.of_keys - tiles(steps, blocks) < least_saved) return shared;
    return {shared.of_queries, shared.all, shared.of_keys, blocks, rounds};
}

}  // namespace

int64_t ct::numbers_of_parts(const Exact &exact, int processors) {
    const Tiles tiles = share(exact, processors);
    return tiles.blocks * tiles.rounds >= tiles.all ? 0 : int64_t(2) * tiles.blocks * queries * (exact.query.width + 2);
}

cudaError_t ct::attend(const Exact &exact, int processors, void *result, float *lse, float *parts, cudaStream_t stream) {
    const Tiles tiles = share(exact, processors);
    Arguments given{};
    given.factor = exact.scale * log2_e;
    given.heads = exact.query.heads, given.heads_of_key = exact.key.heads;
    given.tokens = exact.query.tokens;
    given.query_tiles = tiles.of_queries, given.all_tiles = tiles.all, given.key_tiles = tiles.of_keys;
    given.keys_of_last = static_cast<int>(exact.key.tokens - (tiles.of_keys - 1) * int64_t(keys_at_once));
    given.blocks = tiles.blocks, given.rounds = tiles.rounds;
    given.result = result, given.lse = lse, given.parts = parts;
    if (!describe(given.query, exact.query, exact.batch, exact.type, queries) ||
        !describe(given.key, exact.key, exact.batch, exact.type, keys_at_once) ||
        !describe(given.value, exact.value, exact.batch, exact.type, keys_at_once))
        return cudaErrorInvalidValue;
    const auto of = [&](auto number) {
        using T = decltype(number);
        return exact.query.width == 64 ? launch<T, 64>(given, stream) : launch<T, 128>(given, stream);
    };
    return exact.type == Number::float16 ? of(__half{}) : of(__nv_bfloat16{});
}
