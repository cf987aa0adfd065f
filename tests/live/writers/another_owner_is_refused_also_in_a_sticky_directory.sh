# shellcheck shell=bash
mkdir shared
chmod 1777 shared
cp "$EMULATORS/qemu-aarch64-static" shared/
must rbinfmt install arm64 --emulators "$PWD/shared"
must rbinfmt uninstall all --emulators "$PWD/shared"
for owner in 1000 65534; do
    chown $owner shared/qemu-aarch64-static
    wants 1 rbinfmt install arm64 --emulators "$PWD/shared" >out.txt
    grep -q "shared/qemu-aarch64-static belongs to user $owner" out.txt || fail "$(cat out.txt)"
    [ -z "$(names)" ] || fail "$(names)"
done
# Nobody's link leads to a file of root's.
mkdir real
cp "$EMULATORS/qemu-aarch64-static" real/
ln -sf "$PWD/real/qemu-aarch64-static" shared/qemu-aarch64-static
chown -h 1000 shared/qemu-aarch64-static
wants 1 rbinfmt install arm64 --emulators "$PWD/shared" >out.txt
grep -q 'shared/qemu-aarch64-static belongs to user 1000' out.txt || fail "$(cat out.txt)"
chown -h root shared/qemu-aarch64-static
must rbinfmt install arm64 --emulators "$PWD/shared"
