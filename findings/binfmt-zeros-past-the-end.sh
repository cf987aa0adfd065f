#!/bin/bash
# A magic of binfmt_misc is compared with a buffer of 256 bytes that is filled with zeros where the file is shorter
# (prepare_binprm in fs/exec.c). So a magic that ends in zeros matches a file that ends before them.
#
# Expected: a file of two bytes does not match six. Seen: it does, with Linux 6.18.
. "$(dirname "$0")/common.sh"
cat >"$WORK/try" <<'SH'
printf '#!/bin/sh\necho "matched a file of $(wc -c <"$1") bytes"\n' >interpreter
printf 'zz' >file
chmod +x interpreter file
printf ':zeros:M::zz\\x00\\x00\\x00\\x00::%s:' "$PWD/interpreter" >/proc/sys/fs/binfmt_misc/register
env ./file
SH
same 'magic zz and four zeros' 'matched a file of 2 bytes' "$(with_table sh ./try)"
