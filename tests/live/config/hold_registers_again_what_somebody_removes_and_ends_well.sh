# shellcheck shell=bash
# shellcheck source=hold.sh
. "${BASH_SOURCE%/*}/hold.sh"
rbinfmt --emulators "$EMULATORS" install arm64 s390x --hold --interval 1 >hold.txt 2>&1 &
hold=$!
soon works
soon grep -q 'holding the table' hold.txt
echo -1 >"$TABLE/qemu-aarch64"
gone || fail 'not removed'
soon works
soon grep -q 'qemu-aarch64: somebody had removed it; registered again' hold.txt
# As container runtimes and systemd-binfmt do.
echo -1 >"$TABLE/status"
soon works
soon test -e "$TABLE/qemu-s390x"
echo 0 >"$TABLE/qemu-aarch64"
soon works
soon grep -q 'enabled again' hold.txt
kill -TERM $hold
wants 0 wait $hold
[ "$(names | tr '\n' ' ')" = 'qemu-aarch64 qemu-s390x ' ] || fail "$(names)"
