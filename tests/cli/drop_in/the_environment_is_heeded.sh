# shellcheck shell=bash
mkdir here
cp "$EMULATORS/qemu-aarch64-static" here/mine-qemu-aarch64
export QEMU_BINARY_PATH=$PWD/here QEMU_BINARY_PREFIX=mine- QEMU_PRESERVE_ARGV0=1
must rbinfmt --install arm64 >out.txt 2>err.txt
[ "$(names)" = mine-qemu-aarch64 ] || fail "$(names)"
grep -qx "interpreter $PWD/here/mine-qemu-aarch64" "$TABLE/mine-qemu-aarch64" || fail interpreter
grep -qx 'flags: POCF' "$TABLE/mine-qemu-aarch64" || fail flags
grep -q '"mine-qemu-aarch64"' out.txt || fail "$(cat out.txt)"
must "$FIXTURES/arm64/busybox" true
must rbinfmt --install arm64 >out.txt 2>err.txt
grep -q 'already registered' err.txt || fail "$(cat err.txt)"
must rbinfmt --uninstall arm64 >out.txt 2>err.txt
[ -z "$(names)" ] || fail "$(names)"
QEMU_BINARY_PREFIX=a/b wants 2 rbinfmt --install arm64 2>err.txt
grep -q 'QEMU_BINARY_PREFIX' err.txt || fail "$(cat err.txt)"
