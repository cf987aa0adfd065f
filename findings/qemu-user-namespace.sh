#!/bin/bash
# unshare(CLONE_NEWUSER) needs a process of one thread. An emulated process never is one: QEMU's user emulators have threads of their
# own. So the call fails with EINVAL, which unshare(2) gives for unknown flags, and every tool that makes a sandbox without root
# (bubblewrap, rootless containers, Chromium, Nix) fails in an emulated container where it works in a native one.
#
# Expected: as without emulation, or an error that says why. Seen: EINVAL with QEMU 7.2.22 (Debian 12).
. "$(dirname "$0")/common.sh"
"$BUSYBOX" unshare -U true || { echo 'this machine makes no user namespaces: nothing to compare' >&2; exit 3; }
said=$("$QEMU" "$BUSYBOX" unshare -U true 2>&1) && status=0 || status=$?
same 'exit status under emulation' 1 "$status"
same 'what it says' 'Invalid argument' "${said##*: }"
