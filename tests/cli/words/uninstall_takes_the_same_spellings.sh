# shellcheck shell=bash
for spelling in arm64 linux/arm64/v8 AARCH64 qemu-aarch64 'qemu-aarch*' all; do
    must rb install aarch64
    must rb uninstall "$spelling"
    [ -z "$(names)" ] || fail "$spelling"
done
