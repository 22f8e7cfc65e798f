#!/usr/bin/env bash
# libFuzzer against what reads clients' bytes: the parser of forms, and the decoder of images. Each runs for as many
# seconds as the argument says; what it finds lies in .build/fuzz, and belongs into Tools/fuzz/TARGET when it is mended.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
build=.build/fuzz
mkdir -p "$build"

flags=(-swift-version 6 -O -wmo -parse-as-library -package-name fuzz -sanitize=fuzzer,address -I "$build" -I Sources/CFFmpeg
    -I Sources/CJPEG/include)
for feature in ExistentialAny InternalImportsByDefault MemberImportVisibility; do
    flags+=(-enable-upcoming-feature "$feature")
done
compile() { swiftc "${flags[@]}" "$@"; }
library() {
    compile -module-name "$1" -emit-module -emit-module-path "$build/$1.swiftmodule" -c -o "$build/$1.o" "${@:2}"
}
library Files $(find Sources/Files -name '*.swift')
library Media $(find Sources/Media -name '*.swift')
for file in Sources/CJPEG/*.c; do
    clang -O -g -fsanitize=fuzzer-no-link,address -I Sources/CJPEG/include -c "$file" -o "$build/$(basename "$file" .c).o"
done
library Server Sources/Server/{HTTP/{MultipartForm,HeaderParameters},Fields/FormFields}.swift Sources/Server/ServerLimits.swift
compile -o "$build/multipart" Tools/fuzz/multipart.swift "$build"/{Files,Server}.o
compile -o "$build/image" Tools/fuzz/image.swift "$build"/{Files,Media,decode,encode,errors}.o

fuzz() {
    mkdir -p "$build/found/$1"
    "$build/$1" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$build/$1-" "${@:3}" "$build/found/$1" "$2" 2>&1 | grep -E "^(stat::|SUMMARY|==|Fatal)"
}
fuzz multipart Tools/fuzz/multipart -max_len=4096
fuzz image Tests/MediaTests/Resources -max_len=16384
