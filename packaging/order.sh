#!/bin/bash
# Writes packaging/order.ld anew: the functions that `doctor FILE` runs, so that the linker lays them side by side.
# usage: packaging/order.sh      needs valgrind
set -euo pipefail
cd "$(dirname "$0")/.."
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
target=$(rustc -vV | sed -n 's/^host: //p')
CARGO_PROFILE_RELEASE_STRIP=false packaging/static.sh "$target"
program=target/$target/release/rbinfmt
valgrind --quiet --tool=callgrind --callgrind-out-file="$WORK/run" --compress-strings=no --demangle=no \
    "$program" doctor /usr/bin/readelf >/dev/null
# Functions that are the same were folded into one: any of their names may be that of the section.
sed -n "s/^fn=\([^']*\).*/\1/p" "$WORK/run" | sort -u >"$WORK/ran"
# Hashes change with the compiler: those of crates (version 0) and of functions (the standard library's older names). What
# the compiler takes for unlikely has a section of its own.
nm "$program" | awk 'NR == FNR { ran[$1]; next } $3 in ran { at[$1] } { of[$1] = of[$1] " " $3 }
    END { for (address in at) print of[address] }' "$WORK/ran" - | tr ' ' '\n' | grep '^_R\|^_ZN' |
    sed 's/Cs[0-9A-Za-z]*_/Cs*_/g; s/17h[0-9a-f]\{16\}E$/*/; s/\.[0-9]*$/*/; s/.*/    *(.text.& .text.unlikely.&)/' | sort -u >"$WORK/rust"
# The C library's are found by the file that they come from, which stays.
sed -n '/crt1\.o\|lib[cm].*\.a/p' packaging/order.ld >"$WORK/c"
{
    sed '/^  \.text\.doctor/q' packaging/order.ld
    cat "$WORK/rust" "$WORK/c"
    sed -n '/^  }/,$p' packaging/order.ld
} >"$WORK/order.ld"
mv "$WORK/order.ld" packaging/order.ld
