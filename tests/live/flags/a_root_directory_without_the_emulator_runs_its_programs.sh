# shellcheck shell=bash
must rb install s390x
mkdir -p root/bin
cp "$FIXTURES/s390x/busybox" root/bin/busybox
[ "$(chroot root /bin/busybox uname -m)" = s390x ] || fail chroot
