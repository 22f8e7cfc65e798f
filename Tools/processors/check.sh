#!/usr/bin/env bash
# Runs the built tests of kernels, layers and models as on other processors of x86-64: AMD's, ones with AVX512-BF16, and ones
# with AMX (cpuid.c, tiles.h). What this processor cannot stand in for is left out, and named.
set -euo pipefail
cd "$(dirname "$0")/../.."
for feature in cpuid_fault avx512vl; do
    if ! grep -qw "$feature" /proc/cpuinfo; then
        echo "Tools/processors: left out, as this processor has no $feature"
        exit 0
    fi
done
torch="$(Tools/setup/libtorch.sh)"
folder="$PWD/.build/processors"
mkdir -p "$folder"
cc -O2 -shared -fPIC -o "$folder/cpuid.so" Tools/processors/cpuid.c
compiler="$(dirname "$(readlink -f "$(command -v swift)")")/clang++"
printf '#!/bin/sh\nexec "%s" -include "%s/Tools/processors/tiles.h" "$@"\n' "$compiler" "$PWD" >"$folder/c++"
chmod +x "$folder/c++"
CXX="$folder/c++" native/build.sh "$folder/libCTorch.so"

# AVX512-BF16 may be there although it is hidden.
cat > "$folder/pairs.cpp" <<'C'
#include <immintrin.h>
__attribute__((target("avx512bf16"))) int main(void) {
    __m512 sums = _mm512_dpbf16_ps(_mm512_setzero_ps(), (__m512bh)_mm512_setzero_si512(), (__m512bh)_mm512_setzero_si512());
    return (int)_mm512_reduce_add_ps(sums);
}
C
"$compiler" -O1 -mavx512f -o "$folder/pairs" "$folder/pairs.cpp"
"$folder/pairs" 2>/dev/null || { echo "Tools/processors: left out, as this processor has no AVX512-BF16" && exit 0; }

# The kernels are named: which of them would be chosen depends on how fast they are.
tests() {
    echo "As a processor of the kind $1, with $2:"
    PROCESSOR="$1" VISUALGEN_KERNELS="$2" LD_AUDIT="$folder/cpuid.so" LD_PRELOAD="${3:-}" LD_LIBRARY_PATH="$torch/lib" \
        .build/release/VisualGenPackageTests.xctest --testing-library swift-testing \
        --filter '^(TensorsTests|LayersTests|DiffusionTests|ModelsTests)\.' --skip Serial >"$folder/$1.log" 2>&1 ||
        { grep -E '✘' "$folder/$1.log" || tail "$folder/$1.log"; exit 1; }
    grep 'Test run with' "$folder/$1.log"
}
pairs=product.bfloat16=plain,convolution.bfloat16=plain,attention.bfloat16=pairs
tests amd "product.float32=onednn,$pairs"
tests bfloat16 "$pairs"
tests bfloat16 product.bfloat16=wide,convolution.bfloat16=wide,attention.bfloat16=singles
tests amx product.bfloat16=tiles,attention.bfloat16=tiles "$folder/libCTorch.so"
grep -q 'tiles.h stands in for AMX' "$folder/amx.log" || { echo "Tools/processors: AMX's path was not taken" && exit 1; }
