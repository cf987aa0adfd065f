# shellcheck shell=bash
cp "$EMULATORS/qemu-aarch64-static" fex
stranger fex-aarch64 "$PWD/fex" OCF
rb install all --json || fail install
[ ! -e "$TABLE/qemu-aarch64" ] || fail "$(names)"
