#!/bin/bash
# `update-binfmts --disable` without a name, which binfmt-support's service runs when it stops (for an upgrade of the package as well), takes
# its own formats out of the table and then unmounts it, although others have entries in it.
#
# Expected: the mount stays while somebody else's entry is there. Seen: binfmt-support 2.2.2 (Debian 12).
. "$(dirname "$0")/common.sh"
use_update_binfmts
cat >"$WORK/try" <<'SH'
table=/proc/sys/fs/binfmt_misc
./formats --install one /bin/true --extension one
echo ':another:E::x::/bin/true:' >$table/register
ls -m $table
./formats --disable
echo "$(ls $table | wc -l) names"
SH
same 'before and after' $'another, one, register, status\n0 names' "$(with_table sh ./try)"
