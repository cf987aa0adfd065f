# shellcheck shell=bash
stranger qemu-aarch64 /bin/false OC
wants 1 "$FIXTURES/arm64/busybox" true
rb install arm64 --json || fail install
[ "$("$FIXTURES/arm64/busybox" uname -m)" = aarch64 ] || fail run
[ "$(names)" = qemu-aarch64 ] || fail "$(names)"
