# shellcheck shell=bash
mkdir here
cp "$EMULATORS/qemu-aarch64-static" here/mine
must rbinfmt install arm64 --profiles profiles --emulators "$PWD/here"
grep -qx "interpreter $PWD/here/mine" "$TABLE/qemu-aarch64" || fail "$(cat "$TABLE/qemu-aarch64")"
grep -qx 'mask ffffffffffffff000000000000000000ffffffff' "$TABLE/qemu-aarch64" || fail "$(cat "$TABLE/qemu-aarch64")"
must "$FIXTURES/arm64/busybox" true
