#!/usr/bin/env bash
# Refuses a bundle that needs more of a system than libc6 and libstdc++6 of Ubuntu 22.04; those of Debian 12 are newer.
#     Tools/bundle/check.sh [FOLDER]
set -euo pipefail
folder="${1:-visualgen-bundle}"

# Ubuntu 22.04's: glibc 2.35, and the libraries of GCC 12.
declare -A newest=([GLIBC]=2.35 [GLIBCXX]=3.4.30 [CXXABI]=1.3.13 [GCC]=12.0.0)
system='ld-linux-x86-64.so.2|lib(c|m|dl|rt|pthread|util|resolv).so.[0-9]+|libstdc\+\+.so.6|libgcc_s.so.1'
torch='libCTorch.so|lib(torch|torch_cpu|torch_cuda|c10|c10_cuda).so|libgomp.so.1|libcudart.so.[0-9]+|libcublasLt.so.[0-9]+'
failures=0

fail() {
    echo "$1" >&2
    failures=$((failures + 1))
}

for path in visualgen lib/visualgen lib/libCTorch.so lib/VisualGen_DemoModels.resources; do
    [ -e "$folder/$path" ] || fail "$folder/$path is missing"
done
while read -r file; do
    dynamic="$(readelf --dynamic --wide "$file" 2>/dev/null)" || continue
    while read -r library; do
        [[ "$library" =~ ^($system|$torch)$ ]] || fail "$file needs $library"
    done < <(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' <<<"$dynamic")
    while read -r path; do
        [ "$path" = "\$ORIGIN" ] || fail "$file looks for libraries in $path"
    done < <(sed -n 's/.*(RU\?N\?PATH).*\[\(.*\)\]/\1/p' <<<"$dynamic")
    symbols="$(objdump --dynamic-syms "$file" | grep -F '*UND*' || true)"
    summary=()
    for name in GLIBC GLIBCXX CXXABI GCC; do
        found="$(grep -oP "\(${name}_\K[0-9.]+" <<<"$symbols" | sort --version-sort --unique | tail -n 1 || true)"
        [ -n "$found" ] || continue
        summary+=("${name}_$found")
        highest="$(printf '%s\n' "$found" "${newest[$name]}" | sort --version-sort | tail -n 1)"
        [ "$highest" = "${newest[$name]}" ] && continue
        fail "$file needs ${name}_$found, of which ${newest[$name]} is the newest allowed: $(grep "(${name}_$found)" \
            <<<"$symbols" | awk '{ print $NF }' | head -n 5 | tr '\n' ' ')"
    done
    echo "$file: ${summary[*]}"
done < <(find "$folder" -type f \( -perm -u+x -o -name '*.so*' \))
[ "$failures" = 0 ]
