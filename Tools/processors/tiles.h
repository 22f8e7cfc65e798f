// The instructions of AMX that the shim uses, in plain C++: put before every file of the shim, they let its tiles run where
// there is no AMX.
#pragma once

#include <ATen/cpu/Utils.h>
#include <immintrin.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace emulated {

// Rows of words; a word is a float, or a pair of bfloat16.
inline thread_local uint32_t tiles[8][16][16];

inline void load(int tile, const void *source, int64_t stride) {
    for (int row = 0; row < 16; ++row) std::memcpy(tiles[tile][row], static_cast<const char *>(source) + row * stride, 64);
}

inline void store(int tile, void *target, int64_t stride) {
    for (int row = 0; row < 16; ++row) std::memcpy(static_cast<char *>(target) + row * stride, tiles[tile][row], 64);
}

inline float number(uint32_t bits) { return __builtin_bit_cast(float, bits); }

inline void multiply(int sums, int left, int right) {
    for (int row = 0; row < 16; ++row)
        for (int column = 0; column < 16; ++column) {
            float sum = number(tiles[sums][row][column]);
            for (int k = 0; k < 16; ++k) {
                const uint32_t a = tiles[left][row][k], b = tiles[right][k][column];
                sum += number(a << 16) * number(b << 16);
                sum += number(a & 0xffff0000) * number(b & 0xffff0000);
            }
            tiles[sums][row][column] = __builtin_bit_cast(uint32_t, sum);
        }
}

}  // namespace emulated

namespace at::cpu {
inline bool init_emulated() {
    std::fputs("tiles.h stands in for AMX\n", stderr);
    return true;
}
}  // namespace at::cpu

#define init_amx init_emulated
#undef _tile_loadd
#undef _tile_stored
#undef _tile_zero
#undef _tile_dpbf16ps
#define _tile_loadd emulated::load
#define _tile_stored emulated::store
#define _tile_zero(tile) std::memset(emulated::tiles[tile], 0, sizeof emulated::tiles[tile])
#define _tile_dpbf16ps emulated::multiply
#define _tile_loadconfig(layout) static_cast<void>(layout)
#define _tile_release() static_cast<void>(0)
