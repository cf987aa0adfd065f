# shellcheck shell=bash
echo 0 >"$TABLE/status"
wants 1 rb install arm64 2>err.txt
grep -q 'it is disabled' err.txt && grep -q "echo 1 > $TABLE/status" err.txt || fail "$(cat err.txt)"
[ -z "$(names)" ] && grep -qx disabled "$TABLE/status" || fail changed
must rb install arm64 --force
grep -qx enabled "$TABLE/status" || fail 'still off'
must "$FIXTURES/arm64/busybox" true
echo 0 >"$TABLE/status"
wants 1 rb status >out.txt
grep -q 'disabled' out.txt || fail "$(cat out.txt)"
must rb uninstall all
grep -qx disabled "$TABLE/status" || fail 'switched on by uninstall'
