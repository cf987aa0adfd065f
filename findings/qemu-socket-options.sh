#!/bin/bash
# getsockopt(2) of QEMU's user emulators takes every TCP option for an int (do_getsockopt in linux-user/syscall.c). It succeeds for those that
# are a structure or a name too, and gives four bytes of them: TCP_INFO without its figures, and the name of the congestion control cut.
#
# Expected: all bytes, or an error. Seen: 4 bytes with QEMU 7.2.22 (Debian 12), and with 10.0.13.
. "$(dirname "$0")/common.sh"
program option <<'C'
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
int main(void) {
    int socket_ = socket(AF_INET, SOCK_STREAM, 0), option[] = {TCP_INFO, TCP_CONGESTION};
    for (int i = 0; i < 2; i++) {
        char value[512];
        socklen_t size = sizeof value;
        if (getsockopt(socket_, IPPROTO_TCP, option[i], value, &size))
            return 1;
        puts(size > 4 ? "more than 4 bytes" : "4 bytes");
    }
}
C
same 'without emulation' $'more than 4 bytes\nmore than 4 bytes' "$("$WORK/option")"
same 'emulated' $'4 bytes\n4 bytes' "$("$QEMU" "$WORK/option")"
