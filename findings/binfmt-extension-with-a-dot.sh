#!/bin/bash
# binfmt_misc registers an extension that has a dot in it ("tar.gz"), shows it as enabled, and never matches it: the kernel compares
# with what follows the last dot of the file's name (search_binfmt_handler in fs/binfmt_misc.c).
#
# Expected: EINVAL for what can never match, as for an extension with a slash. Seen: Linux 6.18.
. "$(dirname "$0")/common.sh"
cat >"$WORK/try" <<'SH'
table=/proc/sys/fs/binfmt_misc
printf '#!/bin/sh\necho "the interpreter ran"\n' >interpreter
echo 'echo "a shell ran"' >file.tar.gz
chmod +x interpreter file.tar.gz
echo ":dotted:E::$1::$PWD/interpreter:" >$table/register 2>/dev/null && echo registered || echo refused
sed -n 1p $table/dotted
# Where execve(2) says ENOEXEC, execvp(3) hands the file to a shell.
env ./file.tar.gz
SH
said=$(with_table sh ./try tar.gz)
same 'extension tar.gz' $'registered\nenabled\na shell ran' "$said"
said=$(with_table sh ./try gz)
same 'extension gz' $'registered\nenabled\nthe interpreter ran' "$said"
