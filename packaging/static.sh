#!/bin/sh
# The static program, which runs in an empty image: target/TARGET/release/rbinfmt
# usage: packaging/static.sh [TARGET]      TARGET: this machine's where nothing is said
set -eu
cd "$(dirname "$0")/.."
target=${1:-$(rustc -vV | sed -n 's/^host: //p')}

# cargo runs the linker in this directory.
RUSTFLAGS='-C target-feature=+crt-static -C link-arg=-Wl,-T,packaging/order.ld' \
    cargo build --release --locked --target "$target"
program=target/$target/release/rbinfmt
if readelf -lW "$program" | grep -w INTERP; then
    echo "$program is not static" >&2
    exit 1
fi
ls -l "$program"
