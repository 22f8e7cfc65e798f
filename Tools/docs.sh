#!/usr/bin/env bash
# Writes the documentation of the library VisualGen to .build/docs; a link that leads nowhere is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -rf .build/symbols .build/docs
mkdir -p .build/symbols
modules="$(swift build -c release --show-bin-path)/Modules"
maps=()
while read -r map; do maps+=(-Xcc "-fmodule-map-file=$map"); done < <(
    find .build/release/ .build/checkouts/*/Sources Sources native/Sources -name module.modulemap \
        -not -path '*/Benchmarks/*' -not -path '*/*.build/include/*')
swift symbolgraph-extract -module-name VisualGen -I "$modules" "${maps[@]}" -minimum-access-level public \
    -target "$(swift -print-target-info | sed -n 's/.*"unversionedTriple": "\(.*\)".*/\1/p' | head -n 1)" \
    -output-dir .build/symbols
docc convert Sources/VisualGen/VisualGen.docc --additional-symbol-graph-dir .build/symbols \
    --output-path .build/docs --warnings-as-errors --fallback-bundle-identifier visualgen
echo "documentation is in .build/docs: docc preview, or any web server, shows it"
