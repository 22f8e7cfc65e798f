#!/bin/sh
# Runs VisualGen with a LibTorch of this machine: the one that TORCH_HOME names, or a folder libtorch beside this file,
# or that of python3.
here="$(dirname "$(readlink -f "$0")")"

refuse() {
    echo "visualgen: $1" >&2
    exit 69
}

if [ -n "${TORCH_HOME:-}" ]; then
    torch="$TORCH_HOME"
    [ -e "$torch/lib/libtorch_cpu.so" ] || refuse "TORCH_HOME is $torch, which holds no lib/libtorch_cpu.so"
elif [ -e "$here/libtorch/lib/libtorch_cpu.so" ]; then
    torch="$here/libtorch"
elif command -v python3 >/dev/null; then
    # Importing torch would take seconds. A folder torch where the user happens to be is not meant.
    torch="$(python3 -c '
import importlib.util, sys
sys.path = [folder for folder in sys.path if folder]
torch = importlib.util.find_spec("torch")
print(torch.submodule_search_locations[0] if torch else "")' 2>/dev/null)"
    [ -e "$torch/lib/libtorch_cpu.so" ] ||
        refuse "python3 has no torch: install torch 2.11, or let TORCH_HOME name a folder of LibTorch 2.11"
else
    refuse "no LibTorch was found: let TORCH_HOME name a folder of LibTorch 2.11, or install python3 with torch 2.11"
fi

# What a Python package, a LibTorch archive and VisualGen's own download say of themselves; nothing is said by others.
if [ -r "$torch/version.py" ]; then
    version="$(sed -n "s/^__version__ = ['\"]\([^'\"]*\).*/\1/p" "$torch/version.py")"
elif [ -r "$torch/build-version" ]; then
    version="$(head -n 1 "$torch/build-version")"
elif [ -r "$torch/STAMP" ]; then
    version="$(sed -n 's/^torch-\([^-]*\)-.*/\1/p' "$torch/STAMP")"
else
    version=""
fi
case "$version" in
"" | 2.11 | 2.11[!0-9]*) ;;
*) refuse "LibTorch 2.11 is needed, and the one in $torch is $version" ;;
esac

LD_LIBRARY_PATH="$torch/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export LD_LIBRARY_PATH
exec "$here/lib/visualgen" "$@"
