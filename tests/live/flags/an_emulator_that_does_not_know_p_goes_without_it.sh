# shellcheck shell=bash
must rbinfmt install arm64 --emulators "$FIXTURES/qemu-5.2" >&2
[ "$("$FIXTURES/arm64/busybox" uname -m)" = aarch64 ] || fail run
[ "$(names)" = qemu-aarch64 ] || fail "$(names)"
# A second run changes nothing.
inode=$(stat -c %i "$TABLE/qemu-aarch64")
must rbinfmt install arm64 --emulators "$FIXTURES/qemu-5.2" -v | tee -a /dev/stderr | grep -q kept || fail kept
[ "$(names)" = qemu-aarch64 ] || fail "$(names)"
[ "$(stat -c %i "$TABLE/qemu-aarch64")" = "$inode" ] || fail 'another entry'
# The newer one gets P.
must rb install arm64 >&2
grep -qx 'flags: POCF' "$TABLE/qemu-aarch64" || fail "$(cat "$TABLE/qemu-aarch64")"
must rbinfmt install arm64 --emulators "$FIXTURES/qemu-5.2" >&2
rbinfmt status --json --emulators "$FIXTURES/qemu-5.2" || true
