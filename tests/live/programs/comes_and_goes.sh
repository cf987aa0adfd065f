# shellcheck shell=bash
# comes_and_goes.sh ARCH QEMU MACHINE
arch=$1 qemu=$2 machine=$3
program=$FIXTURES/$arch/busybox
wants 126 "$program" true 2>before.txt
grep -q 'Exec format error' before.txt || fail "$(cat before.txt)"
must rb install "$arch"
[ "$(names)" = "qemu-$qemu" ] || fail "$(names)"
[ "$("$program" uname -m)" = "$machine" ] || fail "uname says $("$program" uname -m)"
[ "$("$program" echo a 'b  c')" = 'a b  c' ] || fail arguments
wants 3 "$program" sh -c 'exit 3'
must rb uninstall "$arch"
[ -z "$(names)" ] || fail "$(names)"
wants 126 "$program" true 2>after.txt
grep -q 'Exec format error' after.txt || fail "$(cat after.txt)"
