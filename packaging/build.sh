#!/bin/bash
# The packages, of the static program that was built before.
# usage: packaging/build.sh [DIR [VERSION]]      DIR: target/packages where nothing is said
#
# Needs cargo-deb and cargo-generate-rpm (`cargo install cargo-deb cargo-generate-rpm`).
set -euo pipefail
cd "$(dirname "$0")/.."
TARGET=x86_64-unknown-linux-gnu
TO=${1:-target/packages}
VERSION=${2:-}

rm -rf target/pages
cargo run --quiet --locked --example pages -- target/pages
gzip -9n target/pages/*.1
mkdir -p "$TO"
cargo deb --quiet --no-build --no-strip --target $TARGET ${VERSION:+--deb-version "$VERSION-1"} --output "$TO/"
# The rpm of CentOS 7 reads xz, and not yet zstd.
cargo generate-rpm --target $TARGET --payload-compress xz ${VERSION:+--set-metadata "version = \"$VERSION\""} \
    --output "$TO/"
ls -l "$TO"/*.deb "$TO"/*.rpm
