# shellcheck shell=bash
mkdir here
cp "$EMULATORS/qemu-aarch64-static" here/
must rbinfmt install arm64 --emulators here
rm here/qemu-aarch64-static
[ "$("$FIXTURES/arm64/busybox" uname -m)" = aarch64 ] || fail 'flag F'
