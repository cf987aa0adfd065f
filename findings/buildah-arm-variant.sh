#!/bin/bash
# buildah writes the variant v7 into every 32-bit ARM image that it builds from scratch, whatever --platform or --variant ask for. A
# Raspberry Pi Zero (v6) is told that the image is not for it, and an image "for v8" says v7. linux/amd64/v3 is written as asked.
#
# Expected: the variant asked for. Seen: buildah 1.28.2 (Debian 12).
. "$(dirname "$0")/common.sh"
use_buildah
for platform in linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm/v8 linux/amd64/v3; do
    want=arm/v7
    [ $platform != linux/amd64/v3 ] || want=amd64/v3
    build --platform $platform
    same "--platform $platform" $want "$(buildah inspect --type image --format '{{.OCIv1.Architecture}}/{{.OCIv1.Variant}}' it)"
done
