#include "placing.h"

#include <algorithm>

namespace {

using ct::Meeting;
using ct::Placed;
using ct::PlacedParts;

constexpr int threads = 256, packs_of_a_thread = 4;
// Enough for the links and the memory of one card together.
constexpr int most_blocks = 528;

__global__ void __launch_bounds__(threads) place_kernel(const __grid_constant__ PlacedParts all) {
    const Placed &part = all.parts[blockIdx.y];
    const uint32_t packs = part.packs, heads = part.heads, tokens = part.tokens, count = part.batch * tokens * heads * packs;
    const uint32_t block = threads * packs_of_a_thread;
    for (uint32_t start = blockIdx.x * block + threadIdx.x; start < count; start += gridDim.x * block) {
        int4 values[packs_of_a_thread];
        char *targets[packs_of_a_thread];
#pragma unroll
        for (int i = 0; i < packs_of_a_thread; ++i) {
            const uint32_t index = start + i * threads;
            if (index >= count) continue;
            uint32_t row = index / packs;
            const uint32_t pack = index - row * packs;
            uint32_t rest = row / heads;
            const uint32_t head = row - rest * heads;
            const uint32_t item = rest / tokens, token = rest - item * tokens;
            values[i] = __ldg(reinterpret_cast<const int4 *>(part.from + item * part.from_batch + token * part.from_token +
                                                             head * part.from_head + pack * sizeof(int4)));
            targets[i] = part.to + item * part.to_batch + token * part.to_token + head * part.to_head + pack * sizeof(int4);
        }
#pragma unroll
        for (int i = 0; i < packs_of_a_thread; ++i)
            if (start + i * threads < count) *reinterpret_cast<int4 *>(targets[i]) = values[i];
    }
}

__device__ void tell(uint32_t *place, uint32_t value) {
    asm volatile("st.release.sys.global.u32 [%0], %1;" ::"l"(place), "r"(value) : "memory");
}

__device__ uint32_t heard(const uint32_t *place) {
    uint32_t value;
    asm volatile("ld.acquire.sys.global.u32 %0, [%1];" : "=r"(value) : "l"(place) : "memory");
    return value;
}

__global__ void meet_kernel(const __grid_constant__ Meeting meeting) {
    const uint32_t call = *meeting.calls + 1;
    __syncthreads();
    const int other = threadIdx.x;
    if (other == meeting.rank) *meeting.calls = call;
    if (other == meeting.rank || other >= meeting.size) return;
    __threadfence_system();
    tell(meeting.of_rank[other] + meeting.rank, call);
    const uint32_t *place = meeting.of_rank[meeting.rank] + other;
    for (uint32_t turn = 1; static_cast<int32_t>(heard(place) - call) < 0; ++turn)
        if (turn % 1024 == 0 && *meeting.is_over) return;
    __threadfence_system();
}

}  // namespace

cudaError_t ct::place(const PlacedParts &parts, int count, cudaStream_t stream) {
    uint32_t longest = 1;
    for (int i = 0; i < count; ++i) {
        const Placed &part = parts.parts[i];
        longest = std::max(longest, part.batch * part.tokens * part.heads * part.packs);
    }
    const uint32_t block = threads * packs_of_a_thread, room = std::max(most_blocks / count, 8);
    place_kernel<<<dim3(std::min((longest + block - 1) / block, room), count), threads, 0, stream>>>(parts);
    return cudaGetLastError();
}

cudaError_t ct::meet(const Meeting &meeting, cudaStream_t stream) {
    meet_kernel<<<1, Meeting::most_ranks, 0, stream>>>(meeting);
    return cudaGetLastError();
}
