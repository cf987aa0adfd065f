#!/bin/bash
# ioctl(2) says ENOTTY for a request that a file does not have; programs try requests in turn and go on after ENOTTY. QEMU's user
# emulators said ENOSYS for each request that is not in their list (do_ioctl in linux-user/syscall.c), as if there were no such call.
#
# Expected: ENOTTY. Seen: ENOSYS with QEMU 7.2.22 (Debian 12); 10.0.13 says ENOTTY.
. "$(dirname "$0")/common.sh"
program request <<'C'
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
int main(void) {
    struct fsxattr attributes;
    puts(ioctl(open("/dev/null", O_RDONLY), FS_IOC_FSGETXATTR, &attributes) ? strerror(errno) : "done");
}
C
same 'without emulation' 'Inappropriate ioctl for device' "$("$WORK/request")"
same 'emulated' 'Function not implemented' "$("$QEMU" "$WORK/request")"
