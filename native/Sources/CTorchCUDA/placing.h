// Kernels that write to the memory of other GPUs of the host, and wait for theirs.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace ct {

// Rows of `packs` times 16 bytes, for each item of a batch, token and head, and the bytes from one to the next.
struct Placed {
    const char *from;
    char *to;
    uint32_t batch, tokens, heads, packs;
    int64_t from_batch, from_token, from_head, to_batch, to_token, to_head;
    // Whether they stay on this card.
    bool stays;
};

// What one launch takes: kernels have 4 KB for their arguments.
constexpr int most_placed = 32;
struct PlacedParts {
    Placed parts[most_placed];
};

cudaError_t place(const PlacedParts &parts, int count, cudaStream_t stream);

// Where ranks say that they have placed what was to come: each counts its calls in every other's memory.
struct Meeting {
    static constexpr int most_ranks = 64;
    uint32_t *of_rank[most_ranks];
    // How often this rank has met the others, on its device.
    uint32_t *calls;
    // Not 0 once nobody is to be waited for, in memory of the host.
    const volatile int *is_over;
    int rank, size;
};

// Tells every rank that all that was started before is done, and waits for the same from each.
cudaError_t meet(const Meeting &meeting, cudaStream_t stream);

}  // namespace ct
