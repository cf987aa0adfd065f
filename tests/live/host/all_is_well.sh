# shellcheck shell=bash
must rb install arm64 s390x >/dev/null
cat "$TABLE"/* 2>/dev/null >before; grep binfmt /proc/self/mountinfo >mounts
must rb doctor --no-engines >out.txt
cat "$TABLE"/* 2>/dev/null | cmp - before || fail 'the table was changed'
grep binfmt /proc/self/mountinfo | cmp - mounts || fail 'the mounts were changed'
grep -q 'ok run *arm64, s390x' out.txt || fail "$(cat out.txt)"
# Anybody may ask.
chmod 755 . && cp "$(command -v rbinfmt)" rb
setpriv --reuid 1000 --regid 1000 --clear-groups ./rb --emulators "$EMULATORS" doctor --no-engines >own.txt ||
    fail "$(cat own.txt)"
grep -q 'ok run *arm64, s390x' own.txt || fail "$(cat own.txt)"
