# shellcheck shell=bash
mkdir elsewhere
must rb install arm64 --private --mount "$PWD/elsewhere"
[ -e elsewhere/qemu-aarch64 ] || fail "$(ls elsewhere)"
must "$FIXTURES/arm64/busybox" true
must rb uninstall all --mount "$PWD/elsewhere"
[ ! -e elsewhere/qemu-aarch64 ] || fail "$(ls elsewhere)"
