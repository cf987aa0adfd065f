# shellcheck shell=bash
# As Kubernetes mounts its ConfigMaps: a directory for everybody, read-only.
mkdir shared here
cp "$EMULATORS/qemu-aarch64-static" shared/
chmod 777 shared
must mount --bind shared here
must mount -o remount,bind,ro here
must rbinfmt install arm64 --emulators "$PWD/here"
must rbinfmt uninstall all --emulators "$PWD/here"
must umount here
must mount --bind shared here
wants 1 rbinfmt install arm64 --emulators "$PWD/here" >out.txt
grep -q 'here can be written by everybody' out.txt || fail "$(cat out.txt)"
