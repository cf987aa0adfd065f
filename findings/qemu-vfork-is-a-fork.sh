#!/bin/bash
# QEMU's user emulators carry out vfork(2) as fork(2) (linux-user/syscall.c), so what the child writes before its execve(2) does not
# reach its parent. That is how programs learn that an execve(2) failed: posix_spawn(3) of glibc, busybox. Under emulation the command
# that is not there seems to have been started, and to have failed by itself.
#
# Expected: 127 and a message, as without emulation. Seen: neither with QEMU 7.2.22 (Debian 12).
. "$(dirname "$0")/common.sh"
ended() { { echo file | "$@" xargs /nonexistent && echo 0 || echo $?; } 2>&1; }
same 'without emulation' $'xargs: /nonexistent: No such file or directory\n127' "$(ended "$BUSYBOX")"
same 'under emulation' 123 "$(ended "$QEMU" "$BUSYBOX")"
