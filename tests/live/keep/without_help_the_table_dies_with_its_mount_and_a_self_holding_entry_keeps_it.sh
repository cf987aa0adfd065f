# shellcheck shell=bash
program=$FIXTURES/arm64/busybox
mounted() { grep -q ' - binfmt_misc ' /proc/self/mountinfo; }
# A container's mounts end with it, and the entries with the mounts.
must unshare --mount rbinfmt --emulators "$EMULATORS" --private install arm64 --keep mount
wants 126 "$program" true 2>/dev/null
# Entries that hold their own table do not.
must unshare --mount rbinfmt --emulators "$EMULATORS" --private install arm64 --keep entries >out.txt
grep -q 'the entries hold their table' out.txt || fail "$(cat out.txt)"
! mounted || fail 'something stayed mounted'
[ "$($program uname -m)" = aarch64 ] || fail 'not kept'
# They are seen from elsewhere, and a second run from another such container has nothing to do.
must rb status --private --json >status.json
must unshare --mount rbinfmt --emulators "$EMULATORS" --private install arm64 --keep entries -v >out.txt
grep -q kept out.txt || fail "$(cat out.txt)"
! mounted || fail 'something stayed mounted'
