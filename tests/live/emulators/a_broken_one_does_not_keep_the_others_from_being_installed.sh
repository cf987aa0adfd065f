# shellcheck shell=bash
mkdir here
cp "$EMULATORS/qemu-s390x-static" here/
cp /bin/ls here/qemu-aarch64
wants 1 rbinfmt install arm64 s390x --emulators "$PWD/here" >out.txt
[ "$(names)" = qemu-s390x ] || fail "$(names)"
must "$FIXTURES/s390x/busybox" true
