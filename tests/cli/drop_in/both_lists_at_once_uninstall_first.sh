# shellcheck shell=bash
must rbinfmt install s390x arm64 --emulators "$EMULATORS" --no-credentials
export QEMU_BINARY_PATH=$EMULATORS
must rbinfmt --install arm64,riscv64 --uninstall arm64,s390x >/dev/null 2>err.txt
[ "$(names | tr '\n' ' ')" = 'qemu-aarch64 qemu-riscv64 ' ] || fail "$(names): $(cat err.txt)"
grep -qx 'flags: POCF' "$TABLE/qemu-aarch64" || fail "$(cat "$TABLE/qemu-aarch64")"
grep -qx 'uninstalling: qemu-s390x OK' err.txt || fail "$(cat err.txt)"
