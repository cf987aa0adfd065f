#!/bin/bash
# QEMU's user emulators print why they could not load a program to standard output, and leave without flushing it (linux-user/main.c).
# So the reason is seen on a terminal only: in a pipe, a file or a container's log there is nothing, on standard error neither, and
# the status is 1, as if the program had run and failed.
#
# Expected: the reason on standard error, wherever it goes. Seen: QEMU 7.2.22 (Debian 12).
. "$(dirname "$0")/common.sh"
cd "$WORK"
echo 'not a program' >text
chmod +x text
reason='Error while loading ./text: Exec format error'
same 'on a terminal, without standard error' "$reason" "$(script -qec "$QEMU ./text 2>/dev/null" /dev/null </dev/null | tr -d '\r')"
said=$("$QEMU" ./text 2>&1) && status=0 || status=$?
same 'in a pipe, with standard error' '' "$said"
same 'exit status' 1 "$status"
