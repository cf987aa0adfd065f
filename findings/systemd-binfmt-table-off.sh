#!/bin/bash
# systemd-binfmt registers its entries in a table that is switched off (0 in its file status), leaves it switched off, and ends with 0.
# Not one of them does anything. binfmt-support's update-binfmts switches the table on in the same place.
#
# Expected: the table is switched on, or a warning. Seen: systemd 252.39 (Debian 12).
. "$(dirname "$0")/common.sh"
packages 'systemd=252.39-1~deb12u2'
cat >"$WORK/try" <<'SH'
table=/proc/sys/fs/binfmt_misc
echo 0 >$table/status
echo ':entry:E::x::/bin/true:' >entry.conf
export LD_LIBRARY_PATH=$PWD/root/usr/lib/x86_64-linux-gnu:$PWD/root/lib/x86_64-linux-gnu
root/lib/systemd/systemd-binfmt "$PWD/entry.conf" 2>&1
echo "$?"
head -qn 1 $table/status $table/entry
SH
same 'exit status, table, entry' $'0\ndisabled\nenabled' "$(with_table sh ./try)"
