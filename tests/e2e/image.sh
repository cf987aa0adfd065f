#!/bin/bash
# Builds the image from the Dockerfile as it is, and looks at what came: sizes, contents, and whether a second build is
# the same. The image is then in FIXTURES/image/rbinfmt.tar, as `docker save` writes it, for the other scripts.
# usage: tests/e2e/image.sh [--twice]     as root; --twice: everything again without the cache
#
# No registry is asked: the image to build in is made of Debian's own packages of Rust, from this machine's mirror.
set -uo pipefail
. "$(dirname "$0")/engine.sh"
ROOT=$(cd "$HERE/../.." && pwd)
BASE=$CACHE/image/base.tar
. "$HERE/../apt.sh"

[ "$(id -u)" = 0 ] || skip 'a Docker engine needs root'
need mmdebstrap
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
    mmdebstrap --quiet "$@" bookworm "$BASE.new" "deb [signed-by=$keys] $uri bookworm main" \
        "deb [signed-by=$keys] ${uri%/debian}/debian-security bookworm-security main" && mv "$BASE.new" "$BASE"
}

start_docker
if ! docker image inspect rbinfmt-base >/dev/null 2>&1; then
    [ -e "$BASE" ] || base || skip 'the image to build in could not be made: no mirror, or mmdebstrap cannot here'
    docker import --change 'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' "$BASE" rbinfmt-base >/dev/null ||
        fail 'docker import'
    rm "$BASE"
fi

# build TAG [FLAG...]
build() {
    local tag=$1 from=$SECONDS
    shift
    DOCKER_BUILDKIT=1 docker build --progress plain --network host --build-arg BUILD_IMAGE=rbinfmt-base \
        --tag "$tag" "$@" "$ROOT" >"$WORK/out" 2>&1 || fail "docker build"
    echo "built $tag: $((SECONDS - from)) s"
}
layers() { docker image inspect --format '{{join .RootFS.Layers "\n"}}' "$1"; }

build rbinfmt
docker save rbinfmt >"$IMAGE_FILE"
docker run --rm rbinfmt -V || fail 'it does not start'
