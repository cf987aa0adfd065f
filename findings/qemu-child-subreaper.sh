#!/bin/bash
# prctl(PR_SET_CHILD_SUBREAPER) is in every kernel since Linux 3.4, so programs that adopt orphans (process 1 of containers, service
# managers, container shims) take a refusal for a reason to end. QEMU's user emulators refused it (do_prctl in linux-user/syscall.c).
#
# Expected: 0. Seen: EINVAL with QEMU 7.2.22 (Debian 12); 10.0.13 has it.
. "$(dirname "$0")/common.sh"
program reaper <<'C'
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
int main(void) { puts(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) ? strerror(errno) : "done"); }
C
same 'without emulation' 'done' "$("$WORK/reaper")"
same 'emulated' 'Invalid argument' "$("$QEMU" "$WORK/reaper")"
