// Attention of 16-bit numbers on Hopper, nothing rounded but the weights of values, as FlashAttention does.
#pragma once

#include "rows.h"

namespace ct {

// Queries [batch, tokens, heads, width], keys and values with tokens of their own, and heads of their own that divide those of
// the queries. Rows begin where 16 bytes may, and are 64 or 128 numbers of a 16-bit type.
struct Exact {
    Heads query, key, value;
    Number type;
    int64_t batch;
    float scale;  // of the scores
};

// How many numbers of 32 bits `attend` needs beside its results: none where tiles make whole rounds of so many processors.
int64_t numbers_of_parts(const Exact &exact, int processors);

// The result [batch, tokens, heads, width], dense, and the log-sum-exp of the scores [batch, heads, tokens].
cudaError_t attend(const Exact &exact, int processors, void *result, float *lse, float *parts, cudaStream_t stream);

}  // namespace ct
