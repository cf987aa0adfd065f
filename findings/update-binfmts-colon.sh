#!/bin/bash
# update-binfmts divides the string that it registers by colons and does not write them as \x3a where they are part of a magic, so
# a format whose magic has the letter ":" in it can be installed only by who knows the kernel's syntax. The kernel accepts it.
#
# Expected: registered, magic 61623a63. Seen: "Invalid argument" from close(2), binfmt-support 2.2.2 (Debian 12).
. "$(dirname "$0")/common.sh"
use_update_binfmts
cat >"$WORK/try" <<'SH'
./formats --install one /bin/true --magic "$1" 2>&1 | grep -o 'Invalid argument'
sed -n 's/^magic //p' /proc/sys/fs/binfmt_misc/one 2>/dev/null
rm -r admin/*
SH
same 'ab:c' 'Invalid argument' "$(with_table sh ./try 'ab:c' || true)"
same 'ab\x3ac' 61623a63 "$(with_table sh ./try 'ab\x3ac')"
