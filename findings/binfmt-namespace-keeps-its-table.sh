#!/bin/bash
# A user namespace without a binfmt_misc table of its own uses that of its parent (Linux 6.7 and later). Its first mount of binfmt_misc makes
# one, and it keeps it when the mount is gone: what the parent has registered never runs there again.
#
# Expected: as before the mount, once nothing is mounted. Seen: Linux 6.18.
. "$(dirname "$0")/common.sh"
cat >"$WORK/try" <<'SH'
table=/proc/sys/fs/binfmt_misc
printf '#!/bin/sh\necho "the interpreter ran"\n' >interpreter
echo 'echo "a shell ran"' >file.x
chmod +x interpreter file.x
echo ":entry:E::x::$PWD/interpreter:" >$table/register
env ./file.x
unshare --user --map-root-user --mount sh -ec "env ./file.x; mount -t binfmt_misc none $table; umount $table; env ./file.x"
SH
same 'parent, child, child after mount and umount' $'the interpreter ran\nthe interpreter ran\na shell ran' "$(with_table sh ./try)"
