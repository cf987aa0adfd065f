# shellcheck shell=bash
must rb install s390x
mount -o remount,ro,bind "$TABLE"
wants 1 rb uninstall all 2>err.txt
grep -q 'it is mounted read-only here; nothing was changed' err.txt || fail "$(cat err.txt)"
# For an installation another table of this namespace would have to be made, or the machine's is meant.
wants 3 rb install arm64 2>err.txt
wants 1 rb install arm64 --private 2>err.txt
grep -q 'read-only' err.txt || fail "$(cat err.txt)"
[ "$(names)" = qemu-s390x ] && grep -qx 'flags: POCF' "$TABLE/qemu-s390x" || fail "$(names)"
must rb status >out.txt
