# shellcheck shell=bash
must rb install arm64 >&2
inode=$(stat -c %i "$TABLE/qemu-aarch64")
echo 0 >"$TABLE/qemu-aarch64"
wants 126 "$FIXTURES/arm64/busybox" true 2>/dev/null
rb install arm64 --json || fail install
must "$FIXTURES/arm64/busybox" true
[ "$(stat -c %i "$TABLE/qemu-aarch64")" = "$inode" ] || fail 'another entry'
