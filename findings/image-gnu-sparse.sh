#!/bin/bash
# `tar --sparse` writes sparse files in GNU's own old type unless another format is asked for. A layer with one is refused by buildah (whose
# code Docker, podman and CRI-O share) and by umoci, each in its own words, though GNU tar, bsdtar and Go's archive/tar read it, and though
# both take the same file from the same tar in pax format, which bsdtar writes unasked.
#
# Expected: the file, as from the pax layer. Seen: buildah 1.28.2 and umoci 0.4.7 (Debian 12).
. "$(dirname "$0")/common.sh"
use_buildah
packages 'umoci=0.4.7+ds-3+b7'
truncate -s 1M "$WORK/file"
printf end | dd of="$WORK/file" bs=1 seek=500000 conv=notrunc status=none
tar --sparse --format=gnu -cf "$WORK/gnu.tar" -C "$WORK" file
tar --sparse --format=posix -cf "$WORK/pax.tar" -C "$WORK" file
umoci() { "$WORK/root/usr/bin/umoci" "$@" 2>&1; }
umoci init --layout "$WORK/image"
for format in gnu pax; do
    umoci new --image "$WORK/image:$format"
    umoci raw add-layer --image "$WORK/image:$format" "$WORK/$format.tar" >/dev/null
done
last() { tail -n 1 <<<"$1" | grep -oE "(unknown typeflag|unhandled tar header type) .*" || echo taken; }
said() { last "$(umoci unpack --rootless --image "$WORK/image:$1" "$WORK/bundle-$1" || true)"; }
same 'umoci, pax' taken "$(said pax)"
same 'umoci, gnu' "unknown typeflag '\\x53'" "$(said gnu)"
from() { last "$(buildah from --signature-policy "$WORK/policy.json" "oci:$WORK/image:$1" 2>&1 || true)"; }
same 'buildah, pax' taken "$(from pax)"
same 'buildah, gnu' 'unhandled tar header type 83' "$(from gnu | head -c 28)"
