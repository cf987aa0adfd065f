#!/bin/bash
# setrlimit(2) of RLIMIT_AS, RLIMIT_DATA and RLIMIT_STACK is answered with success by QEMU's user emulators and not passed on, since
# the limit would hit the emulator itself (linux-user/syscall.c). A build that protects itself with `ulimit -v` is not protected.
#
# Expected: an error, or a limit that holds. Seen: success and "unlimited" with QEMU 7.2.22 (Debian 12).
. "$(dirname "$0")/common.sh"
for option in -v -d; do
    same "ulimit $option without emulation" 100000 "$("$BUSYBOX" sh -c "ulimit $option 100000 && ulimit $option")"
    same "ulimit $option under emulation" unlimited "$("$QEMU" "$BUSYBOX" sh -c "ulimit $option 100000 && ulimit $option")"
done
