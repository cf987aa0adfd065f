# shellcheck shell=bash
mkdir here
# A native static program that is no emulator.
cp "$(command -v ldconfig || echo /sbin/ldconfig)" here/qemu-aarch64
wants 1 rbinfmt install arm64 --emulators here >out.txt 2>&1
grep -q failed out.txt || fail "$(cat out.txt)"
[ -z "$(names)" ] || fail "$(names)"
