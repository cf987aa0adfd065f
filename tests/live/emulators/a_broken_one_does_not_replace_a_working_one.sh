# shellcheck shell=bash
# shellcheck source=handmade.sh
. "${BASH_SOURCE%/*}/handmade.sh"
mkdir here
must rb install arm64
before=$(cat "$TABLE/qemu-aarch64")
# shellcheck disable=SC2034 # for handmade
emulator=here/qemu-aarch64
# ud2
handmade '\x0f\x0b'
wants 1 rbinfmt install arm64 --emulators "$PWD/here" >out.txt
[ "$(cat "$TABLE/qemu-aarch64")" = "$before" ] || fail "$(cat "$TABLE/qemu-aarch64")"
[ "$(names)" = qemu-aarch64 ] || fail "$(names)"
must "$FIXTURES/arm64/busybox" true
