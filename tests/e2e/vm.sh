#!/bin/bash
# Other kernels, booted: a machine of its own, where rbinfmt is the host's root, a container, and one that shares the
# host's processes. Software emulation; a boot takes some seconds.
# usage: tests/e2e/vm.sh RBINFMT [SUITE...]      RBINFMT is static; SUITE: bullseye bookworm trixie (their cloud kernels)
#
# Needs qemu-system-x86_64, cpio and a Debian mirror; says so and ends well where one is missing.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
RBINFMT=$(realpath "${1:?usage: vm.sh RBINFMT [SUITE...]}")
shift
SUITES=("${@:-bookworm}")
FIXTURES=${RBINFMT_TEST_CACHE:-$HERE/../.cache}
TO=$FIXTURES/vm
mkdir -p "$TO"
. "$HERE/../apt.sh"
. "$HERE/machine.sh"

. "$HERE/../report.sh"
command -v qemu-system-x86_64 >/dev/null || skip - 'qemu-system-x86_64 is not installed'
command -v cpio >/dev/null || skip - 'cpio is not installed'
PROGRAM=$FIXTURES/arm64/busybox
EMULATOR=$FIXTURES/qemu/qemu-aarch64-static
[ -x "$PROGRAM" ] && [ -x "$EMULATOR" ] || skip - 'the programs of arm64 could not be fetched'

# image SUITE: an initial file system in which our script is process 1.
image() {
    local top=$TO/$1/root release
    release=$(basename "$(modules "$1")")
    rm -rf "$top"
    mkdir -p "$top"/{bin,sbin,proc,sys,dev,tmp,emulators,usr/bin,"lib/modules/$release"}
    cp "$TO/$1"/busybox/bin/busybox "$top/bin/busybox" 2>/dev/null || cp "$TO/$1"/busybox/usr/bin/busybox "$top/bin/busybox"
    cp "$RBINFMT" "$top/bin/rbinfmt"
    cp "$PROGRAM" "$top/bin/busybox-arm64"
    cp "$EMULATOR" "$top/emulators/"
    mkdir -p "$top/lib/modules/$release/kernel/fs"
    find "$TO/$1/kernel" -name 'binfmt_misc.ko*' -exec cp {} "$top/lib/modules/$release/kernel/fs/" \;
    for module in "$top/lib/modules/$release/kernel/fs"/*.xz; do [ ! -e "$module" ] || unxz "$module"; done
    echo kernel/fs/binfmt_misc.ko: >"$top/lib/modules/$release/modules.dep"
    echo 'alias fs-binfmt_misc binfmt_misc' >"$top/lib/modules/$release/modules.alias"
    cp "$HERE/vm-init.sh" "$top/init"
    cp "$HERE/printed-vm.sh" "$top/printed.sh"
    (cd "$top" && find . | cpio -o -H newc --quiet | gzip -1) >"$TO/$1/initrd.gz"
}

failed=0
for suite in "${SUITES[@]}"; do
    kernel "$suite" || { skipped - "the kernel of $suite could not be fetched"; continue; }
    # Given as a program.
    [[ $("$RBINFMT" doctor "$(find "$TO/$suite/kernel" -name 'vmlinuz-*')") == *'a Linux kernel for x86 (bzImage)'* ]] || {
        echo "FAILED: $suite: what the doctor says of its kernel" >&2
        failed=1
    }
    image "$suite"
    boot "$suite" 'rdinit=/init' "$TO/$suite/initrd.gz" -m 768 -smp 1
    grep -aE '^(ok|FAILED|kernel)' "$TO/$suite/console" || true
    if ! grep -qax 'all done' "$TO/$suite/console" || grep -qa '^FAILED' "$TO/$suite/console"; then
        tail -n 60 "$TO/$suite/console" >&2
        echo "FAILED: $suite" >&2
        failed=1
    fi
done
exit $failed
