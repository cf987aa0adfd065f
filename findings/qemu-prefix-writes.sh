#!/bin/bash
# QEMU_LD_PREFIX is for the libraries of an emulated program, and is over every absolute path that the program opens: a file that is only
# below the prefix can be read, looked at and written under its bare name. Removing, renaming and changing the mode do not look there
# and fail with ENOENT for a file that has just been read; what is written goes into the prefix, a cross compiler's directory as a rule.
#
# Expected: writing is not redirected, or all calls see the same file. Seen: QEMU 7.2.22 (Debian 12); 10.0.13 and 11.1.3 do the same.
. "$(dirname "$0")/common.sh"
prefix=$WORK/prefix there=$WORK/there
mkdir -p "$prefix$there" "$there"
echo below >"$prefix$there/file"
emulated() { QEMU_LD_PREFIX=$prefix "$QEMU" "$BUSYBOX" "$@" 2>&1 || true; }
same 'reading it' below "$(emulated cat "$there/file")"
same 'removing it' "rm: can't remove '$there/file': No such file or directory" "$(emulated rm "$there/file")"
same 'changing its mode' "chmod: $there/file: No such file or directory" "$(emulated chmod 600 "$there/file")"
emulated sh -c "echo written >$there/file"
same 'after writing, below the prefix' written "$(cat "$prefix$there/file")"
same 'after writing, where it was written to' absent "$(cat "$there/file" 2>/dev/null || echo absent)"
