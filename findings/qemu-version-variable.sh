#!/bin/bash
# QEMU's user emulators read each option from the environment as well, as QEMU_ and its name (linux-user/main.c). That goes for
# options without a value too, so a variable QEMU_VERSION, which people set to say which version they want to fetch, is taken for
# `-version`: every emulated program is replaced by two lines of text, and ends with 0. Its value does not matter.
#
# Expected: a variable that is no setting of the emulator's does nothing; a program that was not run does not end with 0.
# Seen: QEMU 7.2.22 (Debian 12).
. "$(dirname "$0")/common.sh"
same 'without the variable' 'hello' "$("$QEMU" "$BUSYBOX" echo hello)"
said=$(QEMU_VERSION='' "$QEMU" "$BUSYBOX" false) && status=0 || status=$?
same 'exit status of `false` with an empty QEMU_VERSION' 0 "$status"
same 'first words of what it prints' "qemu-$(uname -m) version" "$(head -n 1 <<<"$said" | cut -d ' ' -f 1,2)"
