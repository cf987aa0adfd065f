# shellcheck shell=bash
export QEMU_BINARY_PATH=$EMULATORS
stranger qemu-aarch64 /bin/false OCF
must rbinfmt --install arm64 >out.txt 2>err.txt
grep -qx 'installing: arm64 OK' err.txt || fail "$(cat err.txt)"
must "$FIXTURES/arm64/busybox" true
echo 0 >"$TABLE/qemu-aarch64"
must rbinfmt --install arm64 >out.txt 2>err.txt
must "$FIXTURES/arm64/busybox" true
