#!/usr/bin/env bash
# Trains and scores with nobody watching: after a crash it goes on from the last minute's state, the third time without
# CUDA graphs.
#     Tools/demo/unattended.sh OUTPUT MINUTES [further options of train.py, such as --device cuda]
set -uo pipefail
output="$(realpath -m "$1")"
minutes="$2"
shift 2
cd "$(dirname "$0")"
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false
for graphs in "" "" --no-graphs; do
    python3 train.py --minutes "$minutes" --output "$output" --state "$output.state" "$@" $graphs && break
    echo "failed with status $?"
done
device=cpu
[[ " $* " == *" cuda "* ]] && device=cuda
python3 evaluate.py "$output" "$output.images" --device "$device"
