# shellcheck shell=bash
# Virtual machines with Debian's cloud kernels, in software emulation: sourced, with $TO set to the directory that everything
# goes below, after apt.sh.

# kernel SUITE: its newest cloud kernel and busybox, extracted below $TO/SUITE.
kernel() {
    local suite=$1 conf name
    [ ! -e "$TO/$suite/complete" ] || return 0
    conf=$(root "$suite" amd64) || return 1
    name=$(APT_CONFIG=$conf apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ { print $2; exit }')
    package "$conf" "$name:amd64" "$TO/$suite/kernel" || return 1
    package "$conf" busybox-static:amd64 "$TO/$suite/busybox" || return 1
    touch "$TO/$suite/complete"
}

# modules SUITE: the directory of its kernel's modules.
modules() { find "$TO/$1"/kernel -path '*/lib/modules/*' -prune -print -quit; }

# system SUITE: a system with systemd, as a tar.
system() {
    local tar=$TO/$1/system.tar
    [ ! -e "$tar" ] || return 0
    mkdir -p "$TO/$1"
    mmdebstrap --quiet --format=tar --variant=essential --include=systemd-sysv,kmod,mount --aptopt='Acquire::Check-Valid-Until "false"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' "$1" "$tar.new" "$(host_source)" && mv "$tar.new" "$tar"
}

# boot SUITE WORDS INITRD [OPTION...]: boots it with these words on the kernel's command line; what it writes goes to
# $TO/SUITE/console. Where $DISK is set it is the machine's disk. A kernel that dies is the emulated machine's fault and
# none of ours: it is booted again.
boot() {
    local suite=$1 words=$2 initrd=$3 console=$TO/$1/console try
    shift 3
    for try in 1 2 3; do
        [ -z "${DISK:-}" ] || cp --sparse=always "$DISK" "$DISK.now"
        # QEMU 7.2 gets cmpxchg16b wrong now and then, which the kernel's allocator uses where the CPU has it.
        timeout 600 qemu-system-x86_64 -M q35 -cpu qemu64,-cx16 -nographic -no-reboot -nodefaults -serial stdio -net none \
            -kernel "$(find "$TO/$suite/kernel" -name 'vmlinuz-*')" -initrd "$initrd" \
            -append "console=ttyS0 quiet panic=-1 $words" \
            ${DISK:+-drive "file=$DISK.now,format=raw,if=none,id=disk,cache=unsafe" -device virtio-blk-pci,drive=disk} \
            "$@" </dev/null | tr -d '\r' >"$console" || true
        if ! grep -qaE 'Kernel panic|Oops|BUG:' "$console" || grep -qa '^FAILED' "$console" || [ $try = 3 ]; then
            break
        fi
        echo "AGAIN: $suite: the kernel of the virtual machine died:" >&2
        grep -aE -m 3 'Kernel panic|Oops|BUG:|RIP:' "$console" >&2
    done
    [ -z "${DISK:-}" ] || mv "$DISK.now" "$DISK"
}
