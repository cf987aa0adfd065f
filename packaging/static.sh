#!/bin/sh
# The static program, which runs in an empty image: target/TARGET/release/rbinfmt
# usage: packaging/static.sh [TARGET]      TARGET: this machine's where nothing is said
set -eu
cd "$(dirname "$0")/.."
target=${1:-$(rustc -vV | sed -n 's/^host: //p')}

# A panic aborts: our code has no unwind tables, and order.ld drops those of libraries. Names of version 0 tell a generic
# function of one type from that of another, for order.ld too. cargo runs the linker in this directory.
flags='-C target-feature=+crt-static -C force-unwind-tables=no -C symbol-mangling-version=v0'
flags="$flags -C link-arg=-Wl,-T,packaging/order.ld"

# Panics name the files of crates: without the place of this machine's registry, which is not theirs and takes 24 KB.
cargo fetch --locked --target "$target"
for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do
    flags="$flags --remap-path-prefix=$registry="
done

# What makes it smaller and not every linker has: functions that are the same are there once (LLD, which rustc brings on
# x86_64), and packed relocations, which the C library reads from 2.36 on.
wanted=--icf=all
if printf '2.36\n%s\n' "$(getconf GNU_LIBC_VERSION | cut -d' ' -f2)" | sort -CV; then
    wanted="$wanted -z,pack-relative-relocs"
fi
linker=$(printenv "CARGO_TARGET_$(echo "$target" | tr a-z- A-Z_)_LINKER" || echo cc)
trial=$(mktemp -d)
trap 'rm -rf "$trial"' EXIT
for option in $wanted; do
    if echo 'fn main() {}' | rustc --target "$target" -C linker="$linker" -C target-feature=+crt-static \
        -C link-arg="-Wl,$option" -o "$trial/program" - >/dev/null 2>&1; then
        flags="$flags -C link-arg=-Wl,$option"
    fi
done

RUSTFLAGS=$flags cargo build --release --locked --target "$target"
program=target/$target/release/rbinfmt
if readelf -lW "$program" | grep -w INTERP; then
    echo "$program is not static" >&2
    exit 1
fi
ls -l "$program"
