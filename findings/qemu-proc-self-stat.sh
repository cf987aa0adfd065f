#!/bin/bash
# QEMU's user emulators write /proc/self/stat of an emulated process themselves (open_self_stat in linux-user/syscall.c), and nearly all of
# its 52 fields as 0: state, process group, session, CPU time, threads, size. What reads them believes it: a program that looks at the
# time that it has used sees none, one that looks for its process group gets 0. The file of another process is the kernel's.
#
# Expected: the process's own figures; they are in the host's file. Seen: group 0 and state "0" with QEMU 7.2.22 (Debian 12); group 0
# with 10.0.13 as well.
. "$(dirname "$0")/common.sh"
# shellcheck disable=SC2016 # awk's own; the name in parentheses has no blank here
figures='{ print ($3 ~ /^[RS]$/ ? "state" : $3), ($5 > 0 ? "group" : $5), ($20 > 0 ? "threads" : $20), ($23 > 0 ? "size" : $23) }'
same 'without emulation' 'state group threads size' "$("$BUSYBOX" awk "$figures" /proc/self/stat)"
same 'emulated' '0 0 0 0' "$("$QEMU" "$BUSYBOX" awk "$figures" /proc/self/stat)"
