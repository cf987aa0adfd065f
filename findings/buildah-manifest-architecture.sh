#!/bin/bash
# `buildah build --arch` knows the kernel's names of architectures and writes OCI's: aarch64 becomes arm64. `buildah manifest add --arch`
# writes what it is given into the index, where aarch64 is an architecture that no client asks for: the image is there and never chosen.
#
# Expected: one spelling by both. Seen: buildah 1.28.2 (Debian 12).
. "$(dirname "$0")/common.sh"
use_buildah
build --arch aarch64
same 'the image built with --arch aarch64' arm64 "$(buildah inspect --type image --format '{{.OCIv1.Architecture}}' it)"
buildah manifest create list >/dev/null
buildah manifest add --arch aarch64 list it >/dev/null
found=$(buildah manifest inspect list | sed -n 's/.*"architecture": "\(.*\)".*/\1/p')
same 'the index to which it was added with --arch aarch64' aarch64 "$found"
