#!/usr/bin/env bash
# Builds the shim with plain g++, for a LibTorch elsewhere or a machine without Swift: put the libraries beside the executable.
#     TORCH_HOME=/path/to/libtorch native/build.sh [libCTorch.so|libCTorchCUDA.so, with a folder before it]
# libCTorchCUDA.so is what a GPU needs besides; `make setup DEVICE=cuda` fetches what it is built with.
set -euo pipefail
cd "$(dirname "$0")"
output="${1:-libCTorch.so}"
torch="$(../Tools/setup/libtorch.sh)"
case "$(basename "$output")" in
libCTorchCUDA.so)
    torch="$(VISUALGEN_DEVICE=cuda ../Tools/setup/libtorch.sh)"
    sources=Sources/CTorchCUDA
    libraries=(-Wl,--no-as-needed -ltorch_cuda -lc10_cuda -l:libcudart.so.13 -l:libcublasLt.so.13 -ltorch_cpu -lc10 -l:libgomp.so.1)
    ;;
*)
    sources=Sources/CTorch
    libraries=(-ltorch_cpu -lc10 -l:libgomp.so.1)
    ;;
esac
objects=()
trap 'rm -f "${objects[@]}"' EXIT
for source in "$sources"/*.cpp; do
    object="$(mktemp --suffix=.o)"
    objects+=("$object")
    "${CXX:-g++}" -std=c++20 -O3 -fno-math-errno -fno-strict-aliasing -fPIC -fvisibility=hidden -isystem "$torch/include" \
        -isystem "$torch/include/torch/csrc/api/include" -I"$sources/stubs" -ISources/CTorch/include -c "$source" -o "$object"
done
# Ampere, Ada, Hopper and Blackwell: a card runs what is made for its first number and a smaller second one, so 8.6 runs 80, 10.3
# 100 and 12.1 120. Later cards compile what is there for the last.
cards=()
for version in 80 89 90 100 120; do cards+=(-gencode "arch=compute_$version,code=sm_$version"); done
cards+=(-gencode arch=compute_120,code=compute_120)
# What is made of instructions that Hopper alone has.
hopper=(-gencode arch=compute_90a,code=sm_90a)
nvcc="$torch/bin/nvcc"
[ -x "$nvcc" ] || nvcc=nvcc
for source in "$sources"/*.cu; do
    [ -e "$source" ] || continue
    object="$(mktemp --suffix=.o)"
    objects+=("$object")
    case "$(basename "$source")" in
    hopper_*) targets=("${hopper[@]}") ;;
    *) targets=("${cards[@]}") ;;
    esac
    "$nvcc" -std=c++20 -O3 --threads 0 --compress-mode=size -Xcompiler -fPIC,-fvisibility=hidden,-fno-strict-aliasing -I"$torch/include" "${targets[@]}" -c "$source" -o "$object"
done
# By its name it stands in for the one that SwiftPM builds (Tools/processors): two in a process would register everything twice.
"${CXX:-g++}" -shared -Wl,-soname,"$(basename "$output")" -o "$output" "${objects[@]}" -L"$torch/lib" -Wl,-rpath,"$torch/lib" -Wl,-z,defs "${libraries[@]}"
