#!/bin/bash
# Machines with systemd, old and new, each booted three times: the package, the unit, what others do to the table, and the
# same from a container. Software emulation: a boot takes 10 to 60 seconds.
# usage: tests/e2e/systemd-vm.sh DEB RBINFMT [SUITE...]     RBINFMT is static; SUITE: bullseye bookworm trixie
#
# Needs qemu-system-x86_64, mmdebstrap, mke2fs, sfdisk, cpio, depmod, root and a Debian mirror; says so and ends well where one
# is missing.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
DEB=$(realpath "${1:?usage: systemd-vm.sh DEB RBINFMT [SUITE...]}")
RBINFMT=$(realpath "${2:?usage: systemd-vm.sh DEB RBINFMT [SUITE...]}")
shift 2
SUITES=("${@:-bookworm}")
FIXTURES=${RBINFMT_TEST_CACHE:-$HERE/../.cache}
TO=$FIXTURES/vm
mkdir -p "$TO"
. "$HERE/../apt.sh"
. "$HERE/machine.sh"

. "$HERE/../report.sh"
for program in qemu-system-x86_64 mmdebstrap mke2fs sfdisk cpio depmod; do
    command -v $program >/dev/null || [ -x /sbin/$program ] || skip - "$program is not installed"
done
[ "$(id -u)" = 0 ] || skip root 'only root can make a system'
for file in arm64/busybox s390x/busybox qemu/qemu-aarch64-static qemu/qemu-s390x-static; do
    [ -x "$FIXTURES/$file" ] || skip - "$file could not be fetched"
done
PATH=$PATH:/sbin:/usr/sbin

# disk SUITE: what is installed, and our part.
disk() {
    local suite=$1 top=$TO/$1/system modules release unit
    modules=$(modules "$suite")
    release=$(basename "$modules")
    rm -rf "$top"
    mkdir -p "$top"
    tar -C "$top" -xf "$TO/$suite/system.tar"
    mkdir -p "$top/lib/modules/$release/kernel/fs"
    cp "$modules"/modules.builtin* "$modules/modules.order" "$top/lib/modules/$release/"
    find "$modules" \( -name 'binfmt_misc.ko*' -o -name 'autofs4.ko*' -o -name 'loop.ko*' \) -exec cp {} "$top/lib/modules/$release/kernel/fs/" \;
    depmod -b "$top" "$release"
    mkdir -p "$top"/usr/lib/rbinfmt "$top"/foreign/{arm64,s390x} "$top"/container/{usr/bin,proc,sys,dev,host,old,tmp}
    for arch in aarch64 s390x; do
        cp "$FIXTURES/qemu/qemu-$arch-static" "$top/usr/lib/rbinfmt/qemu-$arch"
        cp "$FIXTURES/qemu/qemu-$arch-static" "$top/container/usr/bin/qemu-$arch"
    done
    for arch in arm64 s390x; do cp "$FIXTURES/$arch/busybox" "$top/foreign/$arch/"; done
    cp "$RBINFMT" "$top/container/rbinfmt"
    cp "$TO/$suite"/busybox/bin/busybox "$top/container/busybox" 2>/dev/null ||
        cp "$TO/$suite"/busybox/usr/bin/busybox "$top/container/busybox"
    cp "$DEB" "$top/root/rbinfmt.deb"
    cp "$HERE/systemd-vm-check.sh" "$top/usr/local/bin/check"
    chmod 755 "$top/usr/local/bin/check"
    cp "$HERE/printed-vm.sh" "$top/usr/local/lib/printed.sh"
    # A file system, and a disk with one.
    mkdir -p "$top/images"
    mke2fs -q -t ext4 -d "$HERE" "$top/images/ext4" 8M
    truncate -s 10M "$top/images/disk"
    echo 'start=2048, size=16384' | sfdisk --quiet --label gpt "$top/images/disk"
    dd if="$top/images/ext4" of="$top/images/disk" bs=512 seek=2048 conv=notrunc status=none
    echo '/dev/vda / ext4 defaults 0 1' >"$top/etc/fstab"
    echo machine >"$top/etc/hostname"
    rm -f "$top/etc/machine-id"
    echo 0123456789abcdef0123456789abcdef >"$top/etc/machine-id"
    cat >"$top/etc/systemd/system/check.service" <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=idle
ExecStart=/usr/local/bin/check
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
ExecStopPost=/bin/systemctl poweroff --force --force
[Install]
WantedBy=multi-user.target
UNIT
    mkdir -p "$top/etc/systemd/system/multi-user.target.wants"
    ln -s ../check.service "$top/etc/systemd/system/multi-user.target.wants/"
    for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
        getty@tty1.service serial-getty@ttyS0.service systemd-timesyncd.service; do
        ln -sf /dev/null "$top/etc/systemd/system/$unit"
    done
    rm -f "$TO/$suite/disk"
    mke2fs -q -t ext4 -d "$top" "$TO/$suite/disk" 700M
    rm -rf "$top"
}

# first SUITE: an initial file system that finds the disk.
first() {
    local top=$TO/$1/first module file modules
    modules=$(modules "$1")
    rm -rf "$top"
    mkdir -p "$top"/{bin,proc,sys,dev,new,modules}
    cp "$TO/$1"/busybox/bin/busybox "$top/bin/busybox" 2>/dev/null || cp "$TO/$1"/busybox/usr/bin/busybox "$top/bin/busybox"
    for module in virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk crc16 mbcache jbd2 \
        crc32c_generic ext4; do
        file=$(find "$modules" -name "$module.ko" -o -name "$module.ko.xz" | head -n 1)
        [ -n "$file" ] || continue
        cp "$file" "$top/modules/"
        case $file in *.xz) unxz "$top/modules/$module.ko.xz" ;; esac
        echo "$module" >>"$top/modules/order"
    done
    cat >"$top/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for round in 1 2 3; do
    for module in $(cat /modules/order); do insmod /modules/$module.ko 2>/dev/null; done
done
for try in 1 2 3 4 5 6 7 8 9; do [ -b /dev/vda ] && break; sleep 0.2; done
mount -t ext4 /dev/vda /new || { echo 'FAILED: there is no disk'; poweroff -f; }
umount /proc /sys
mount --move /dev /new/dev
exec switch_root /new /sbin/init
INIT
    chmod 755 "$top/init"
    (cd "$top" && find . | cpio -o -H newc --quiet | gzip -1) >"$TO/$1/first.gz"
    rm -rf "$top"
}

failed=0
for suite in "${SUITES[@]}"; do
    kernel "$suite" && system "$suite" || {
        skipped - "the system of $suite could not be fetched"
        continue
    }
    disk "$suite"
    first "$suite"
    for number in 1 2 3; do
        started=$SECONDS
        DISK=$TO/$suite/disk boot "$suite" "systemd.show_status=0 mitigations=off check=$number" "$TO/$suite/first.gz" \
            -m 1024 -smp 2
        grep -aE '^(ok|FAILED|machine)' "$TO/$suite/console" || true
        echo "$suite, boot $number: $((SECONDS - started)) s"
        if ! grep -qax "done $number" "$TO/$suite/console" || grep -qa '^FAILED' "$TO/$suite/console"; then
            tail -n 60 "$TO/$suite/console" >&2
            echo "FAILED: $suite, boot $number" >&2
            failed=1
            break
        fi
    done
    rm -f "$TO/$suite/disk"
done
exit $failed
