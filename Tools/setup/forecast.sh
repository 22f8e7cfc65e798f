#!/usr/bin/env bash
# Says what `make demo` is about to do: what is fetched, and how long it takes on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
torch="$(Tools/setup/libtorch.sh)"

say() { echo "  $1"; }
echo "make demo will"
missing="$(Tools/setup/install_packages.sh --missing $(Tools/setup/setup.sh --packages))"
[ -z "$missing" ] || say "install Debian packages: $missing"
if [ -f "$torch/STAMP" ] || [ -n "${TORCH_HOME:-}" ]; then
    say "use the LibTorch in $torch"
elif [ "${VISUALGEN_DEVICE:-cpu}" = cpu ]; then
    say "fetch LibTorch: 544 MB from the Python package index, 499 MB in $torch"
else
    say "fetch LibTorch, NVIDIA's libraries and compiler from the Python package index: 3.8 GB in $torch"
fi
[ -d .build/checkouts ] || say "fetch the Swift packages of Package.resolved: 54 MB from GitHub"
if [ -x .build/release/visualgen ]; then
    say "build what has changed since the last time"
else
    say "build everything: 13 minutes on two cores"
fi
say "draw demo.png and demo.mp4: seconds"
