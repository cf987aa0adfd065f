# shellcheck shell=bash
must rb install arm64 s390x >/dev/null
stranger qemu-riscv64 /bin/false OC '\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xf3\x00'
echo 0 >"$TABLE/qemu-s390x"
rb status --json
