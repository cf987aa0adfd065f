#!/bin/bash
# An entry of type E compares the name under which a file is executed. fexecve(3) executes an open file, whose name is /dev/fd/3 for
# the kernel, so what works by its path fails with ENOEXEC by its descriptor. Entries of type M work both ways.
#
# Expected: the handler of a file does not depend on which of the two calls a program uses. Seen: Linux 6.18.
. "$(dirname "$0")/common.sh"
cat >"$WORK/try" <<'SH'
table=/proc/sys/fs/binfmt_misc
printf '#!/bin/sh\necho "the interpreter ran"\n' >interpreter
echo 'MAGIC' >file.x
chmod +x interpreter file.x
[ "$1" = E ] && echo ":entry:E::x::$PWD/interpreter:" >$table/register
[ "$1" = M ] && echo ":entry:M::MAGIC::$PWD/interpreter:" >$table/register
exec python3 - "$2" <<'PYTHON'
import os, sys
what = "./file.x" if sys.argv[1] == "path" else os.open("file.x", os.O_RDONLY)
if what != "./file.x":
    os.set_inheritable(what, True)
try:
    os.execve(what, ["file.x"], os.environ)
except OSError as error:
    print(error.strerror)
PYTHON
SH
same 'extension, by path' 'the interpreter ran' "$(with_table bash ./try E path)"
same 'extension, by descriptor' 'Exec format error' "$(with_table bash ./try E descriptor)"
same 'magic, by path' 'the interpreter ran' "$(with_table bash ./try M path)"
same 'magic, by descriptor' 'the interpreter ran' "$(with_table bash ./try M descriptor)"
