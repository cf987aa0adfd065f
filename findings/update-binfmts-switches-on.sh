#!/bin/bash
# `update-binfmts --install` and `--enable` of one format write 1 to the table's status, whoever switched it off and whatever else is in it.
# An administrator who switched a table off because of a bad entry has it back with the next package that brings a format.
#
# Expected: only the format asked for is changed. Seen: binfmt-support 2.2.2 (Debian 12).
. "$(dirname "$0")/common.sh"
use_update_binfmts
cat >"$WORK/try" <<'SH'
table=/proc/sys/fs/binfmt_misc
echo 0 >$table/status
./formats "$@"
cat $table/status
SH
same '--display' disabled "$(with_table sh ./try --display)"
same '--install' enabled "$(with_table sh ./try --install one /bin/true --extension one)"
