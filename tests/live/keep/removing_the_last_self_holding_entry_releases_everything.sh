# shellcheck shell=bash
mkdir here
cp "$EMULATORS/qemu-aarch64-static" "$EMULATORS/qemu-s390x-static" here/
# rbinfmt as in a container of its own.
contained() { unshare --mount rbinfmt --private --emulators "$PWD/here" "$@"; }
busy() { ! { : >>here/qemu-"$1"-static; } 2>/dev/null; }
must contained install arm64 s390x --keep entries
busy aarch64 && busy s390x || fail 'the emulators are not held'
must contained uninstall arm64
wants 126 "$FIXTURES/arm64/busybox" true 2>/dev/null
must "$FIXTURES/s390x/busybox" true
must contained uninstall all
wants 126 "$FIXTURES/s390x/busybox" true 2>/dev/null
busy aarch64 && fail 'the first emulator is still held'
busy s390x && fail 'the second emulator is still held'
# A new mount shows an empty table.
must contained status --json >status.json
grep -q '"entries": \[\]' status.json || fail "$(cat status.json)"
