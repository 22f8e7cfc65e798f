#!/usr/bin/env bash
# Makes visualgen-bundle/, a folder that runs wherever it is put, beside any LibTorch 2.11 (docs/bundle.md).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build="$PWD/.build-bundle"
torch="$(Tools/setup/libtorch.sh)"

# What somebody put into an earlier bundle is not thrown away with it.
foreign="$(ls -A visualgen-bundle 2>/dev/null | grep -vxE 'visualgen|lib|copyright' || true)"
if [ -n "$foreign" ]; then
    echo "visualgen-bundle holds ${foreign//$'\n'/, }, which make bundle did not put there; move it away first" >&2
    exit 1
fi

libraries="$(Tools/bundle/libraries.sh)"
mkdir -p "$build/native"
# A name that stays, as a change of flags builds everything again.
ln -sfn "$libraries" "$build/libraries"
# In that folder the linker finds nothing but static libraries, and it looks there first.
swift build -c release --product visualgen --static-swift-stdlib --scratch-path "$build" --jobs "${JOBS:-2}" \
    -Xcc "-I$build/libraries/include" -Xlinker "-L$build/libraries/lib"
shims=(libCTorch.so)
[ "${VISUALGEN_DEVICE:-cpu}" = cpu ] || shims+=(libCTorchCUDA.so)
for shim in "${shims[@]}"; do TORCH_HOME="$torch" native/build.sh "$build/native/$shim"; done

bundle="$build/visualgen-bundle"
rm -rf "$bundle"
mkdir -p "$bundle/lib" "$bundle/copyright"
cp Tools/bundle/launcher.sh "$bundle/visualgen"
chmod 755 "$bundle/visualgen"
cp "$build/release/visualgen" "${shims[@]/#/$build/native/}" "$bundle/lib"
cp -R "$build/release/VisualGen_DemoModels.resources" "$bundle/lib"
for file in visualgen "${shims[@]}"; do
    strip "$bundle/lib/$file"
    # In place of this machine's folders: the launcher says where LibTorch is.
    patchelf --set-rpath "\$ORIGIN" "$bundle/lib/$file"
done
cp "$libraries"/copyright/* "$bundle/copyright"
cp "$libraries/VERSIONS" "$bundle/copyright"
cp LICENSE "$bundle/copyright/visualgen"
# Whoever passes the bundle on must add these, and Debian's copyright files only name them.
cp /usr/share/common-licenses/{GPL-2,GPL-3,LGPL-2.1,LGPL-3} "$bundle/copyright"
for package in "$build"/checkouts/*/; do
    for file in "$package"LICENSE* "$package"NOTICE*; do
        [ ! -e "$file" ] || cp "$file" "$bundle/copyright/$(basename "$package")-$(basename "$file")"
    done
done

Tools/bundle/check.sh "$bundle"
rm -rf visualgen-bundle
mv "$bundle" visualgen-bundle
echo "visualgen-bundle/visualgen is ready; $(du -sh visualgen-bundle | cut -f 1) in all"
