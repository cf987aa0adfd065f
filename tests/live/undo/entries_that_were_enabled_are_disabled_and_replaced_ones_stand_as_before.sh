# shellcheck shell=bash
must rb install arm64 s390x >/dev/null
echo 0 >"$TABLE/qemu-s390x"
cat "$TABLE"/qemu-* >before.txt
inode=$(stat -c %i "$TABLE/qemu-aarch64")
rb install s390x zz --profiles profiles 2>/dev/null && fail 's390x and zz'
rb install arm64 zz --no-credentials --profiles profiles; got=$?
cat "$TABLE"/qemu-* | cmp - before.txt || fail "$(cat "$TABLE"/qemu-*)"
[ "$(names | tr '\n' ' ')" = 'qemu-aarch64 qemu-s390x ' ] || fail "$(names)"
[ "$(stat -c %i "$TABLE/qemu-aarch64")" = "$inode" ] || fail 'another entry'
exit $got
