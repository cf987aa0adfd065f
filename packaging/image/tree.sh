#!/bin/sh
# In the build image: lays out /image/emulators and /image/rbinfmt for hosts of ARCH. rbinfmt itself fetches the emulators.
# usage: SUITE=... QEMU=... EMULATORS=... SOURCE_DATE_EPOCH=... packaging/image/tree.sh [ARCH]
set -eu
own=$(dpkg --print-architecture)
arch=${1:-$own}
case $arch in
    amd64) useless=qemu-x86_64 ;;
    arm64) useless=qemu-aarch64 ;;
esac

# fetch ARCH RUNNER NAME...: emulators for hosts of ARCH.
fetch() {
    host=$1 runner=$2
    shift 2
    RBINFMT_STORE=/store/$host $runner "/out/$host/usr/bin/rbinfmt" fetch \
        ${SUITE:+--suite "$SUITE"} ${QEMU:+--qemu "$QEMU"} "$@"
}

# rbinfmt takes those for the machine it is built for. Another machine's runs under an emulator that ours has fetched.
runner=
if [ "$arch" != "$own" ]; then
    fetch "$own" '' "$arch"
    runner=$(echo "/store/$own"/versions/*/qemu-*)
fi
# One first: the package is kept only as long as there is more to take out of it.
first=${EMULATORS%% *}
[ "$first" != all ] || first=riscv64
fetch "$arch" "$runner" "$first"
for file in "/store/$arch"/cache/*; do
    if package=$(dpkg-deb --field "$file" Package 2>/dev/null); then break; fi
done
version=$(dpkg-deb --field "$file" Version)
source=$(dpkg-deb --show --showformat='${source:Version}' "$file")
built_using=$(dpkg-deb --field "$file" Built-Using)
copyright=usr/share/doc/$package/copyright
mkdir -p /image/emulators/usr/bin /image/emulators/usr/share/common-licenses
dpkg-deb --fsys-tarfile "$file" | tar -x -C /image/emulators "./$copyright"
# shellcheck disable=SC2086 # names
fetch "$arch" "$runner" $EMULATORS

mv "/store/$arch"/versions/*/qemu-* /image/emulators/usr/bin/
rm -f "/image/emulators/usr/bin/$useless"
cp /usr/share/common-licenses/GPL-2 /usr/share/common-licenses/LGPL-2.1 /image/emulators/usr/share/common-licenses/
cat >"/image/emulators/usr/share/doc/$package/source" <<TEXT
The programs /usr/bin/qemu-* are those of Debian's package $package $version, unchanged; their licences: copyright.
Their source is Debian's source package qemu $source and, as parts of other packages are linked in:
  $built_using
All of it is kept in Debian's archive of snapshots, where each version of each source package has a page: qemu, ${source#*:}.
TEXT
# An empty directory, so that entries can hold the table in a container that may not write.
mkdir -p /image/rbinfmt/usr/bin/.rbinfmt
cp -a "/out/$arch/usr" /image/rbinfmt/
# The same layers whatever the umask of a checkout, and the time.
chmod -R u=rwX,go=rX /image
find /image -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
# The kernel shows of a program that an entry keeps open only its size and its time: the time has to tell versions apart,
# so it is made of the content.
for program in /image/emulators/usr/bin/qemu-*; do
    touch --date="@$((0x$(sha256sum "$program" | cut -c1-7)))" "$program"
done
