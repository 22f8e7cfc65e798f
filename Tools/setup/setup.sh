#!/usr/bin/env bash
# Installs what the build needs and is missing: Debian packages (as root; otherwise it prints the command) and LibTorch.
# Doing it again changes nothing. `--packages` only prints the names of the packages.
set -euo pipefail

packages=(libavformat-dev libavcodec-dev libavutil-dev libswscale-dev libjpeg-dev zlib1g-dev libzmq3-dev
    libsqlite3-dev)

if [ "${1:-}" = --packages ]; then
    echo "${packages[*]}"
    exit 0
fi
device="${VISUALGEN_DEVICE:-cpu}"
if [ "$device" != cpu ] && [ "$device" != cuda ]; then
    echo "DEVICE is $device; it must be cpu or cuda" >&2
    exit 1
fi
if ! command -v swift >/dev/null; then
    echo "a Swift 6.3 toolchain is needed: no swift command was found" >&2
    exit 1
fi

"$(dirname "$0")/install_packages.sh" "${packages[@]}"

[ -n "${TORCH_HOME:-}" ] || python3 "$(dirname "$0")/fetch_libtorch.py" "$("$(dirname "$0")/libtorch.sh")" "$device"
