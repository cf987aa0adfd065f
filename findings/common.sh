# shellcheck shell=bash
# What the scripts of this directory share: pinned Debian packages in a temporary directory, and the comparison at the end.
# From there come $QEMU (the emulator of this machine's own architecture) and $BUSYBOX.
set -euo pipefail
QEMU_PACKAGE='qemu-user-static=1:7.2+dfsg-7+deb12u18+b3'
BUSYBOX_PACKAGE='busybox-static=1:1.35.0-4+deb12u1+b1'
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
(cd "$WORK" && apt-get download -qq "$QEMU_PACKAGE" "$BUSYBOX_PACKAGE" 2>"$WORK/apt" || { cat "$WORK/apt" >&2; exit 3; })
for deb in "$WORK"/*.deb; do dpkg -x "$deb" "$WORK/root"; done
# shellcheck disable=SC2034 # for the scripts
QEMU=$WORK/root/usr/bin/qemu-$(uname -m)-static BUSYBOX=$WORK/root/bin/busybox

# same WHAT SEEN NOW: ends with 1 where what was seen is not what happens any more.
same() {
    printf '%s: %s\n' "$1" "$3"
    [ "$2" = "$3" ] || { echo "changed: it was $2" >&2; exit 1; }
}
