#!/usr/bin/env bash
# Builds libCTorch.so with plain g++, for a LibTorch elsewhere or a machine without Swift: put it beside the executable.
#     TORCH_HOME=/path/to/libtorch native/build.sh [OUTPUT]
set -euo pipefail
cd "$(dirname "$0")"
torch="${TORCH_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/visualgen/libtorch-2.11.0}"
output="${1:-libCTorch.so}"
objects=()
trap 'rm -f "${objects[@]}"' EXIT
for source in Sources/CTorch/*.cpp; do
    object="$(mktemp --suffix=.o)"
    objects+=("$object")
    "${CXX:-g++}" -std=c++20 -O3 -fno-math-errno -fPIC -fvisibility=hidden -isystem "$torch/include" \
        -ISources/CTorch/include -c "$source" -o "$object"
done
"${CXX:-g++}" -shared -o "$output" "${objects[@]}" -L"$torch/lib" -Wl,-rpath,"$torch/lib" -Wl,-z,defs \
    -ltorch_cpu -lc10 -l:libgomp.so.1
