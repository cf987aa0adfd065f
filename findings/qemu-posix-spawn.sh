#!/bin/bash
# posix_spawn(3) tells its caller that a program does not exist, through the memory that parent and child share until the exec
# (CLONE_VM | CLONE_VFORK). QEMU's user emulators make a fork of it, and the error stays in the child: the call succeeds, with a process
# that ends with 127. A caller that tries one name after another stops at the first.
#
# Expected: ENOENT, as without emulation. Seen: success with QEMU 7.2.22 (Debian 12), and with 10.0.13.
. "$(dirname "$0")/common.sh"
program spawn <<'C'
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
int main(void) {
    char *none[] = {"none", 0};
    int status, error = posix_spawn(0, "/nonexistent/program", 0, 0, none, none);
    if (error)
        return puts(strerror(error)) < 0;
    wait(&status);
    printf("a process with status %d\n", WEXITSTATUS(status));
}
C
same 'without emulation' 'No such file or directory' "$("$WORK/spawn")"
same 'emulated' 'a process with status 127' "$("$QEMU" "$WORK/spawn")"
