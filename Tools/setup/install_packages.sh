#!/usr/bin/env bash
# Installs those of some Debian packages that are missing, as root; otherwise it prints the command and fails.
#     Tools/setup/install_packages.sh [--missing] PACKAGE...
# With --missing it prints the names of those that are missing, and does nothing.
set -euo pipefail

only_print=false
if [ "${1:-}" = --missing ]; then
    only_print=true
    shift
fi
missing=()
for package in "$@"; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if $only_print; then
    echo "${missing[*]}"
    exit 0
fi
if [ "$(id -u)" != 0 ]; then
    echo "these packages are missing; install them and run make again:" >&2
    echo "    sudo apt-get install ${missing[*]}" >&2
    exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
