#!/usr/bin/env bash
# Prints where LibTorch is: TORCH_HOME, or the cache folder that set-up fills. For GPUs there is one of its own beside it, so
# that neither set-up touches what programs of the other run from. native/Package.swift says the same.
#     [VISUALGEN_DEVICE=cuda] Tools/setup/libtorch.sh
set -euo pipefail
folder="${XDG_CACHE_HOME:-$HOME/.cache}/visualgen/libtorch-2.11.0"
[ "${VISUALGEN_DEVICE:-cpu}" = cpu ] || folder="$folder-$VISUALGEN_DEVICE"
echo "${TORCH_HOME:-$folder}"
