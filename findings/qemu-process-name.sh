#!/bin/bash
# The kernel names a process after the file that it executes, which is the emulator; QEMU's user emulators leave it so, although
# /proc/self/cmdline and /proc/self/exe as the program sees them are its own. Whoever looks for a program by name (pidof, pkill, killall,
# Debian's start-stop-daemon --name) finds none, and one name is that of all emulated programs.
#
# Expected: the program's name, which prctl(PR_SET_NAME) would set. Seen: QEMU 7.2.22 (Debian 12).
. "$(dirname "$0")/common.sh"
same 'without emulation' busybox "$("$BUSYBOX" cat /proc/self/comm)"
same 'under emulation' "$(basename "$QEMU" | cut -c 1-15)" "$("$QEMU" "$BUSYBOX" cat /proc/self/comm)"
