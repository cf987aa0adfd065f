#!/bin/sh
# In the build image: a static rbinfmt for ARCH, with its licences, in /out/ARCH.
# usage: packaging/image/build.sh [ARCH]     amd64 or arm64; default: this machine's
set -eu
own=$(dpkg --print-architecture)
arch=${1:-$own}
to=/out/$arch
[ ! -e "$to" ] || exit 0
case $arch in
    amd64) cpu=x86_64 ;;
    arm64) cpu=aarch64 ;;
    *) echo "rbinfmt's image is for amd64 and arm64 hosts, not $arch" >&2; exit 2 ;;
esac
target=$cpu-unknown-linux-gnu
if [ "$arch" != "$own" ]; then
    apt-get update -qq
    apt-get install -qq --no-install-recommends "gcc-$(echo $cpu | tr _ -)-linux-gnu" "libc6-dev-$arch-cross" >/dev/null
fi
if command -v rustup >/dev/null; then rustup target add "$target"; fi

linker=CARGO_TARGET_$(echo "$target" | tr a-z- A-Z_)_LINKER
export "$linker=$cpu-linux-gnu-gcc"
packaging/static.sh "$target"

doc=$to/usr/share/doc/rbinfmt
mkdir -p "$doc" "$to/usr/bin"
cp "target/$target/release/rbinfmt" "$to/usr/bin/"
cp LICENSE-* "$doc/"
# What is linked in besides: the crates, and the texts of their licences, each text once.
cargo tree --locked --target "$target" --edges normal --prefix none --format '{p} ({l})' |
    sed 's/ (\*)$//' | grep -v '^rbinfmt ' | sort -u >"$doc/crates"
mkdir /tmp/texts
while read -r name version _; do
    for text in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/"$name-${version#v}"/[LCN][IO][CPT][EYI]*; do
        [ ! -f "$text" ] || cp "$text" "/tmp/texts/$(sha256sum <"$text" | cut -d' ' -f1)"
    done
done <"$doc/crates"
cat /tmp/texts/* >"$doc/crates-licences"
rm -r /tmp/texts
