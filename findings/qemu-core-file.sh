#!/bin/bash
# Where a limit allows core files, QEMU's user emulators write one of the emulated program into its directory, qemu_NAME_TIME_PID.core,
# whatever /proc/sys/kernel/core_pattern says (elf_core_dump in linux-user/elfload.c). What collects core files from where the pattern
# sends them finds that of the emulator only.
#
# Expected: no file where the pattern does not put one. Seen: QEMU 7.2.22 (Debian 12).
. "$(dirname "$0")/common.sh"
mkdir "$WORK/cores"
cd "$WORK/cores"
# The host's own file, if its pattern puts one here, is not what is counted.
killed() { (ulimit -c unlimited && "$@" sh -c 'kill -SEGV $$' || true) 2>/dev/null; find . -name 'qemu_*.core' | wc -l; }
same 'without emulation' 0 "$(killed "$BUSYBOX")"
same 'emulated' 1 "$(killed "$QEMU" "$BUSYBOX")"
