# shellcheck shell=bash
must rb install arm64
stranger other-arm64 /bin/false OC
wants 1 "$FIXTURES/arm64/busybox" true
# `all` leaves what somebody else runs alone, as long as it works ...
rb status --json >status.json
# ... which /bin/false does not: a named one goes before it.
must rb install arm64
[ "$("$FIXTURES/arm64/busybox" uname -m)" = aarch64 ] || fail 'still shadowed'
[ "$(names | tr '\n' ' ')" = 'other-arm64 qemu-aarch64 ' ] || fail "$(names)"
