#!/bin/bash
# Builds the image from the Dockerfile as it is, and looks at what came: sizes, contents, and whether a second build is
# the same. The image is then in FIXTURES/image/rbinfmt.tar, as `docker save` writes it, for the other scripts.
# usage: tests/e2e/image.sh [--arm64] [--twice]     as root
#   --arm64    the image for arm64 hosts too, run under the emulator
#   --twice    once more without the cache: the layers have to be the same
#
# No registry is asked: the image to build in is made of Debian's own packages of Rust, from this machine's mirror.
set -uo pipefail
. "$(dirname "$0")/engine.sh"
ROOT=$(cd "$HERE/../.." && pwd)
BASE=$CACHE/image/base.tar
. "$HERE/../apt.sh"

[ "$(id -u)" = 0 ] || skip root 'a Docker engine needs root'
need mmdebstrap gzip readelf
mkdir -p "$CACHE/image"

# base: Debian with cargo, and the standard library of arm64.
base() {
    local uri keys=/usr/share/keyrings/debian-archive-keyring.gpg certificates=/etc/ssl/certs/ca-certificates.crt
    uri=$(host_source) && [ -n "$uri" ] || return 1
    uri=${uri%/}
    # The machine's own certificates: there may be a proxy between it and the crates.
    set -- --variant=apt --architectures=amd64,arm64 --skip=output/dev \
        --include=ca-certificates,cargo-web,rustc-web,libstd-rust-web-dev:arm64,gcc,libc6-dev
    [ ! -e $certificates ] || set -- "$@" --customize-hook="copy-in $certificates /etc/ssl/certs/"
    mmdebstrap --quiet "$@" bookworm "$CACHE/image/new.tar" "deb [signed-by=$keys] $uri bookworm main" \
        "deb [signed-by=$keys] ${uri%/debian}/debian-security bookworm-security main" &&
        mv "$CACHE/image/new.tar" "$BASE"
}

start_docker
if ! docker image inspect rbinfmt-base >/dev/null 2>&1; then
    [ -e "$BASE" ] || base || skip - 'the image to build in could not be made: no mirror, or mmdebstrap cannot here'
    docker import --change 'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' "$BASE" rbinfmt-base >/dev/null ||
        fail 'docker import'
    rm "$BASE"
fi

# build TAG [FLAG...]
build() {
    local tag=$1 from=$SECONDS
    shift
    DOCKER_BUILDKIT=1 docker build --progress plain --network host --build-arg BUILD_IMAGE=rbinfmt-base \
        --tag "$tag" "$@" "$ROOT" >"$WORK/out" 2>&1 || fail 'docker build'
    echo "built $tag: $((SECONDS - from)) s"
}
layers() { docker image inspect --format '{{join .RootFS.Layers "\n"}}' "$1"; }
mb() { awk -v bytes="$1" 'BEGIN { printf "%.1f MB", bytes / 1e6 }'; }

# look TAG ARCH: what is in the image, and how large it is.
look() {
    local top=$WORK/look packed=0 layer file
    rm -rf "$top"
    mkdir -p "$top/saved" "$top/root"
    docker save "$1" | tar -x -C "$top/saved"
    for layer in $(jq -r '.[0].Layers[]' "$top/saved/manifest.json"); do
        tar -x -C "$top/root" -f "$top/saved/$layer"
        packed=$((packed + $(gzip -6 <"$top/saved/$layer" | wc -c)))
    done
    (cd "$top/root" && find . -type f | sort) >"$WORK/out"
    grep -vE '^\./usr/(bin/(rbinfmt|qemu-[a-z0-9_]+)|share/doc/(rbinfmt|qemu-user)/[a-zA-Z-]+|share/common-licenses/L?GPL-[0-9.]+)$' \
        "$WORK/out" && fail 'it has more files than it should'
    for file in rbinfmt/LICENSE-MIT rbinfmt/LICENSE-APACHE rbinfmt/crates-licences qemu-user/copyright qemu-user/source; do
        [ -s "$top/root/usr/share/doc/$file" ] || fail "it lacks $file"
    done
    for file in "$top"/root/usr/bin/*; do
        readelf -lSW "$file" >"$WORK/elf"
        ! grep -qE 'INTERP|\.symtab|\.debug_info' "$WORK/elf" || fail "$file is not static or not stripped"
    done
    # The emulators' times are made of their content.
    [ -z "$(find "$top/root" -mindepth 1 ! -path '*/usr/bin/qemu-*' -newermt @0)" ] || fail 'file times'
    [ "$(docker image inspect --format '{{.Os}}/{{.Architecture}}' "$1")" = "linux/$2" ] || fail 'its platform'
    [ -n "$(docker image inspect --format '{{index .Config.Labels "org.opencontainers.image.licenses"}}' "$1")" ] || fail 'no labels'
    echo "$1: $(mb "$(cat "$top"/root/usr/bin/qemu-* | wc -c)") of $(find "$top/root/usr/bin" -name 'qemu-*' | wc -l) emulators," \
        "$(mb "$(stat -c %s "$top/root/usr/bin/rbinfmt")") of rbinfmt," \
        "$(mb "$(docker image inspect --format '{{.Size}}' "$1")") in all, $(mb $packed) compressed"
    ok "$1: static, stripped, with its licences, and nothing else in it"
}

build rbinfmt
look rbinfmt amd64
# Without a tag it would be all of that name.
docker save rbinfmt:latest >"$IMAGE_FILE"
docker run --rm rbinfmt -V || fail 'it does not start'

build rbinfmt:all --build-arg EMULATORS=all
look rbinfmt:all amd64
docker rmi rbinfmt:all >/dev/null

case " $* " in
    *' --arm64 '*)
        # For arm64 hosts; here it runs under the emulator of the other one.
        need_table
        build rbinfmt:arm64 --platform linux/arm64
        look rbinfmt:arm64 arm64
        at_end() { docker run --rm --privileged rbinfmt uninstall all >/dev/null 2>&1; }
        on_arm64() { docker run --rm --platform linux/arm64 "$@" >"$WORK/out" 2>&1; }
        docker run --rm --privileged rbinfmt install arm64 || fail 'install arm64'
        on_arm64 rbinfmt:arm64 --version && grep -q 'qemu/v[0-9]' "$WORK/out" || fail 'under the emulator'
        cat "$WORK/out"
        on_arm64 --privileged rbinfmt:arm64 install s390x
        [ $? = 1 ] && grep -q 'rbinfmt itself runs under one' "$WORK/out" || fail 'installing with a foreign image'
        cat "$WORK/out"
        ok 'the image for arm64 hosts runs under the emulator, and knows that it does'
        ;;
esac
case " $* " in
    *' --twice '*)
        before=$(layers rbinfmt)
        docker builder prune --all --force >"$WORK/out" 2>&1 || fail 'forgetting the first build'
        build rbinfmt:again --no-cache
        [ "$before" = "$(layers rbinfmt:again)" ] || { layers rbinfmt:again; fail "a second build differs from $before"; }
        echo "$before"
        ok 'a second build from nothing has the same layers'
        ;;
esac
