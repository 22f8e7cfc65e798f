#!/usr/bin/env bash
# Builds the libraries that the bundle's executable holds, and prints the folder they are in. Doing it again changes
# nothing: the folder is named after this file and the versions of what it takes from the system.
#
# FFmpeg and ZeroMQ are built from the distribution's own sources: its binaries of FFmpeg need 150 shared libraries, and
# its static ZeroMQ some that are not static. x264, libvpx, libwebp, Opus, libjpeg-turbo, zlib and SQLite are its
# static libraries.
set -euo pipefail

packages=(build-essential dpkg-dev autoconf automake libtool nasm patchelf pkg-config xz-utils
    libjpeg-dev libopus-dev libsqlite3-dev libvpx-dev libwebp-dev libx264-dev zlib1g-dev)
sources=(ffmpeg zeromq3)
jobs="${JOBS:-2}"

# What Sources/Media writes (the encoders and muxers) and reads. WebP and GIF images are decoded without a demuxer, PNG
# and JPEG read and written without FFmpeg; the videos need their decoders, too. They go beyond what is written here: `inspect` tells of any file that a user may have, whatever its sound.
encoders=libx264,libvpx_vp9,libwebp,gif,mjpeg,aac,libopus,pcm_s16le
muxers=mp4,webm,webp,gif,avi
decoders=png,mjpeg,webp,vp8,gif,h264,hevc,vp9,mpeg1video,mpeg2video,mpeg4,msmpeg4v2,msmpeg4v3,theora,flv,h263,prores
decoders+=,dnxhd,ffv1,huffyuv,ffvhuff,utvideo,qtrle,rawvideo,bmp,apng,wmv1,wmv2,wmv3,vc1
demuxers=mov,matroska,avi,gif,apng,mpegts,mpegps,mpegvideo,m4v,h264,hevc,ivf,flv,ogg,asf,nut,yuv4mpegpipe,image2
demuxers+=,image_png_pipe,image_jpeg_pipe,image_webp_pipe,mjpeg
parsers=png,mjpeg,webp,gif,h264,hevc,vp8,vp9,mpegvideo,mpeg4video,h263,vc1
filters=vp9_superframe,vp9_superframe_split,vp9_raw_reorder,h264_mp4toannexb,hevc_mp4toannexb,extract_extradata,null
protocols="file"

"$(dirname "${BASH_SOURCE[0]}")/../setup/install_packages.sh" "${packages[@]}" >&2

versions="$(dpkg-query --show --showformat='${Package} ${Version}\n' "${packages[@]}")"
key="$(printf '%s\n' "$versions" | cat "${BASH_SOURCE[0]}" - | sha256sum | cut -c 1-12)"
result="${XDG_CACHE_HOME:-$HOME/.cache}/visualgen/bundle-libraries-$key"
if [ -d "$result" ]; then
    echo "$result"
    exit 0
fi

mkdir -p "$(dirname "$result")"
work="$(mktemp --directory --tmpdir="$(dirname "$result")" bundle-libraries.XXXXXX)"
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir source lists lists/partial prefix

# The sources come from where the binaries come from, as apt is configured here, and with apt's own signatures.
# shellcheck disable=SC2016
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' | sort -u |
    while read -r address release component; do
        echo "deb-src $address $release $component"
    done >sources.list
options=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o APT::Sandbox::User=root -q)
apt-get "${options[@]}" update >&2
(cd source && apt-get "${options[@]}" source "${sources[@]}" >&2)

cd "$work"/source/zeromq3-*/
[ -x configure ] || ./autogen.sh >&2
# Only sockets of the file system are used, and messages are sealed by the program itself.
./configure --prefix="$work/prefix" --disable-shared --enable-static --disable-curve --disable-curve-keygen \
    --disable-libunwind --disable-perf --without-docs --without-libsodium --disable-Werror CXXFLAGS='-O2 -fPIC' >&2
make -j "$jobs" install >&2

cd "$work"/source/ffmpeg-*/
./configure --prefix="$work/prefix" --disable-autodetect --disable-everything --disable-programs --disable-doc \
    --disable-network --disable-avdevice --disable-avfilter --disable-swresample --disable-postproc --disable-debug \
    --enable-pic --enable-gpl --enable-zlib --enable-libx264 --enable-libvpx --enable-libwebp --enable-libopus \
    --enable-encoder="$encoders" --enable-decoder="$decoders" --enable-muxer="$muxers" --enable-demuxer="$demuxers" \
    --enable-parser="$parsers" --enable-bsf="$filters" --enable-protocol="$protocols" >&2
make -j "$jobs" install >&2

# One archive, so that it does not matter in which order the linker is told of the others.
cd "$work/prefix/lib"
system="$(gcc -print-multiarch)"
{
    echo 'create all.a'
    for library in libavformat.a libavcodec.a libswscale.a libavutil.a /usr/lib/"$system"/lib{x264,vpx,webp,opus}.a; do
        echo "addlib $library"
    done
    printf 'save\nend\n'
} | ar -M
for library in libavcodec.a libswscale.a libavutil.a; do
    rm "$library"
    ar cr "$library"
done
mv all.a libavformat.a
cp /usr/lib/"$system"/lib{jpeg,z,sqlite3}.a .
rm -rf pkgconfig ./*.la "$work/prefix/share" "$work/prefix/bin"
mkdir "$work/prefix/copyright"
for package in ffmpeg zeromq3; do cp "$work"/source/$package-*/debian/copyright "$work/prefix/copyright/$package"; done
for package in libjpeg-dev libopus-dev libsqlite3-dev libvpx-dev libwebp-dev libx264-dev zlib1g-dev; do
    cp "/usr/share/doc/$package/copyright" "$work/prefix/copyright/${package%-dev}"
done
printf '%s\n' "$versions" >"$work/prefix/VERSIONS"
(cd "$work/source" && ls -- *.dsc) >>"$work/prefix/VERSIONS"

mv "$work/prefix" "$result"
echo "$result"
