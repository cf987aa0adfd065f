#!/bin/bash
# QEMU's user emulators know three families of netlink: routes, audit and uevents (do_socket in linux-user/syscall.c). nft and
# iptables-nft (NETLINK_NETFILTER), ss (NETLINK_SOCK_DIAG), ip xfrm and everything on generic netlink (wg, ethtool, devlink) are told
# EPROTONOSUPPORT, which reads as a kernel without the module: no modprobe on the host cures it.
#
# Expected: as without emulation. Seen: "Protocol not supported" with QEMU 7.2.22 (Debian 12), and with 10.0.13.
. "$(dirname "$0")/common.sh"
program netlink <<'C'
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
int main(void) {
    int family[] = {NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_GENERIC};
    for (int i = 0; i < 3; i++)
        puts(socket(AF_NETLINK, SOCK_RAW, family[i]) < 0 ? strerror(errno) : "a socket");
}
C
same 'without emulation' $'a socket\na socket\na socket' "$("$WORK/netlink")"
same 'emulated' $'a socket\nProtocol not supported\nProtocol not supported' "$("$QEMU" "$WORK/netlink")"
