# shellcheck shell=bash
mkdir first second
cp /bin/ls first/qemu-aarch64
cp "$EMULATORS/qemu-aarch64-static" second/qemu-aarch64
must rbinfmt install arm64 --emulators "$PWD/first" --emulators "$PWD/second"
grep -qx "interpreter $PWD/second/qemu-aarch64" "$TABLE/qemu-aarch64" || fail "$(cat "$TABLE/qemu-aarch64")"
