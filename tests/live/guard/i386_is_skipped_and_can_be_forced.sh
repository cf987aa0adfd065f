# shellcheck shell=bash
program=$FIXTURES/i386/busybox
"$program" true || fail 'this kernel runs no i386 programs'
wants 0 rb install 386 >out.txt
grep -q '386 *skipped *this machine runs it natively' out.txt || fail "$(cat out.txt)"
[ -z "$(names)" ] || fail "$(names)"
[ "$($program uname -m)" = x86_64 ] || fail "$($program uname -m)"
must rb install i386 --force
[ "$(names)" = qemu-i386 ] || fail "$(names)"
[ "$($program uname -m)" = i686 ] || fail "$($program uname -m)"
# It is ours, and goes as it came.
must rb uninstall all
[ "$($program uname -m)" = x86_64 ] || fail "$($program uname -m)"
