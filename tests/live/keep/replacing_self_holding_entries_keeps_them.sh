# shellcheck shell=bash
contained() { unshare --mount rbinfmt --private --emulators "$EMULATORS" "$@"; }
must contained install arm64 --keep entries
must contained install arm64 --keep entries --no-credentials >out.txt
grep -q replaced out.txt || fail "$(cat out.txt)"
must "$FIXTURES/arm64/busybox" true
must contained install arm64 --keep entries --no-verify
must "$FIXTURES/arm64/busybox" true
must contained uninstall all
wants 126 "$FIXTURES/arm64/busybox" true 2>/dev/null
