#!/bin/bash
# QEMU's user emulators keep the first real-time signals of the host for themselves and shift those of the guest. A program that dies
# of signal 34 is therefore seen to die of 36, and its shell says 164: whoever reads exit statuses reads another signal.
#
# Expected: 128 + 34, as without emulation. Seen: 164 with QEMU 7.2.22 (Debian 12).
. "$(dirname "$0")/common.sh"
# shellcheck disable=SC2016 # the inner shell's own number
status_of() { { "$@" sh -c 'kill -34 $$' && echo 0 || echo $?; } 2>/dev/null; }
same 'without emulation' 162 "$(status_of "$BUSYBOX")"
same 'under emulation' 164 "$(status_of "$QEMU" "$BUSYBOX")"
