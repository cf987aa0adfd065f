#!/bin/bash
# The packages: target/debian/*.deb and target/generate-rpm/*.rpm, of the static program that was built before.
# usage: packaging/build.sh [VERSION]
#
# Needs cargo-deb and cargo-generate-rpm (`cargo install cargo-deb cargo-generate-rpm`).
set -euo pipefail
cd "$(dirname "$0")/.."
TARGET=x86_64-unknown-linux-gnu
VERSION=${1:-}

rm -rf target/pages
cargo run --quiet --locked --example pages -- target/pages
gzip -9n target/pages/*.1
mkdir -p target/debian target/generate-rpm
cargo deb --quiet --no-build --no-strip --target $TARGET ${VERSION:+--deb-version "$VERSION-1"} --output target/debian/
cargo generate-rpm --target $TARGET ${VERSION:+--set-metadata "version = \"$VERSION\""} --output target/generate-rpm/
