#!/bin/bash
# QEMU's user emulators answer readlink(2) of /proc/self/exe with the program, and pass on stat(2) of the same path, which gives the
# emulator. /proc/thread-self/exe, which is the same link, is passed on in both. So a program that compares itself with a file by
# inode and device is not itself, and one that reads the other link finds, and starts again, the emulator.
#
# Expected: one answer. Seen: two with QEMU 7.2.22 (Debian 12), and with 10.0.13.
. "$(dirname "$0")/common.sh"
ask() {
    "$@" readlink /proc/self/exe | sed 's:.*/::'
    [ "$("$@" stat -L -c %i /proc/self/exe)" = "$(stat -c %i "$BUSYBOX")" ] && echo 'its inode' || echo 'another inode'
    "$@" readlink /proc/thread-self/exe | sed 's:.*/::'
}
same 'without emulation' $'busybox\nits inode\nbusybox' "$(ask "$BUSYBOX")"
same 'emulated' "busybox"$'\n'"another inode"$'\n'"${QEMU##*/}" "$(ask "$QEMU" "$BUSYBOX")"
