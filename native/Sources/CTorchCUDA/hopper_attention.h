// Quantised attention on Hopper: passes that make codes of queries, keys and values, and the kernel that attends to them.
#pragma once

#include "rows.h"

namespace ct {

// What queries and keys become. Without codes they stay as they are, in 16 bits.
enum class Codes { int8, float8, none };

// Tokens that are padded together: the queries of a block of threads, the keys that it takes at once.
constexpr int64_t tile = 128;
constexpr int64_t tiles(int64_t tokens) { return (tokens + tile - 1) / tile; }

// So many keys at least share the partial sums of one block.
constexpr int64_t keys_of_a_part = 512;

struct Recipe {
    Codes codes;
    int64_t key_block;    // keys that share a scale: 1, 4 or 16
    bool value_channels;  // whether each head and channel of the values has a scale, or each item of the batch
    float scale;          // of the scores
};

// Queries [batch, tokens, heads, width], keys and values with tokens of their own. Rows begin where 16 bytes may.
struct Attended {
    Heads query, key, value;
    Number type;
    int64_t batch;
};

// Memory of the card for one call, `all` being batch times heads. Tokens are padded to whole tiles, and the numbers of a tile
// lie as the products expect them.
struct Coded {
    void *query, *key;     // codes [all, tokens, width], [all, keys, width]
    void *value;           // bytes [all, tiles of keys, width, tile]
    float *query_scales;   // [all, tokens]
    float *key_scales;     // [all, keys], times that of the scores and log2 e
    float *value_scales;   // [all, width]
    float *key_mean;       // [all, width], of keys that become codes
    float *sums;           // [all, parts, width], parts being keys / keys_of_a_part, rounded up
    unsigned *largest;     // [all, width] zeros: bits of the values' largest magnitudes
};

// Fills all of `coded`, and of `lse` [all, tokens] what smoothing takes from the log-sum-exp.
cudaError_t encode(const Attended &attended, const Recipe &recipe, const Coded &coded, float *lse, cudaStream_t stream);

// The result, of rows as those of Attended, and in `lse` the log-sum-exp of the scores.
cudaError_t attend(const Attended &attended, const Recipe &recipe, const Coded &coded, void *result, float *lse,
                   cudaStream_t stream);

}  // namespace ct
