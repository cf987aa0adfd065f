# shellcheck shell=bash
for spelling in x86_64 amd64 linux/amd64 linux/amd64/v3 X86-64; do
    wants 0 rb install $spelling >out.txt
    grep -q 'amd64 *skipped *this machine runs it natively' out.txt || fail "$spelling: $(cat out.txt)"
    wants 1 rb install $spelling --force >out.txt
    grep -q "amd64 *failed *the rule would match" out.txt || fail "$spelling: $(cat out.txt)"
    [ -z "$(names)" ] || fail "$(names)"
done
# Among others it takes nothing from them.
wants 0 rb install amd64 arm64
[ "$(names)" = qemu-aarch64 ] || fail "$(names)"
must /bin/true
