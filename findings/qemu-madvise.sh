#!/bin/bash
# madvise(2) answers EINVAL for an advice that the kernel does not know, which is how programs find out what it has. QEMU's user
# emulators answer 0 for every number (target_madvise in linux-user/mmap.c), so a program believes in whatever it asks for.
#
# Expected: EINVAL for an advice that no kernel has. Seen: success with QEMU 7.2.22 (Debian 12), and with 10.0.13.
. "$(dirname "$0")/common.sh"
program advise <<'C'
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
int main(void) {
    void *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    puts(madvise(page, 4096, 9999) ? strerror(errno) : "done");
}
C
same 'without emulation' 'Invalid argument' "$("$WORK/advise")"
same 'emulated' 'done' "$("$QEMU" "$WORK/advise")"
