#!/usr/bin/env bash
# Installs what the build needs and is missing: Debian packages (as root; otherwise it prints the command) and LibTorch.
# Doing it again changes nothing.
set -euo pipefail

packages=(libavformat-dev libavcodec-dev libavutil-dev libswscale-dev zlib1g-dev libzmq3-dev libsqlite3-dev)

device="${VISUALGEN_DEVICE:-cpu}"
if [ "$device" != cpu ] && [ "$device" != cuda ]; then
    echo "DEVICE is $device; it must be cpu or cuda" >&2
    exit 1
fi
if ! command -v swift >/dev/null; then
    echo "a Swift 6.3 toolchain is needed: no swift command was found" >&2
    exit 1
fi

missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ]; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
    else
        echo "these packages are missing; install them and run make again:" >&2
        echo "    sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
fi

[ -n "${TORCH_HOME:-}" ] || python3 "$(dirname "$0")/fetch_libtorch.py" \
    "${XDG_CACHE_HOME:-$HOME/.cache}/visualgen/libtorch-2.11.0" "$device"
