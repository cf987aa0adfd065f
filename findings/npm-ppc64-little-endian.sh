#!/bin/bash
# npm chooses among packages with native programs by `cpu`, which is Node's process.arch, and that is "ppc64" for both byte orders. Packages
# for "linux-ppc64" are for ppc64le, so on a big-endian machine npm installs, without a word, a program that the kernel refuses.
#
# Expected: a name for each byte order, or one that tells. Seen: @esbuild/linux-ppc64 0.25.0; cpu says ppc64, EI_DATA is 1 (little-endian).
set -euo pipefail
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
(cd "$WORK" && npm pack --silent @esbuild/linux-ppc64@0.25.0 >/dev/null && tar xzf ./*.tgz) || exit 3
cpu=$(tr -d ' \n' <"$WORK/package/package.json" | grep -o '"cpu":\[[^]]*]')
data=$(od -An -tu1 -j5 -N1 "$WORK/package/bin/esbuild" | tr -d ' ')
machine=$(od -An -tu1 -j18 -N1 "$WORK/package/bin/esbuild" | tr -d ' ')
printf '%s; EI_DATA %s, e_machine %s\n' "$cpu" "$data" "$machine"
[ "$cpu; $data $machine" = '"cpu":["ppc64"]; 1 21' ] || { echo changed >&2; exit 1; }
