#!/bin/bash
# An interpreter of binfmt_misc may be a script, and with flag O (or C, which implies it) such an entry is registered as well, but no
# file that it matches can be executed: binfmt_script gives up where an open binary waits for its interpreter (load_script in
# fs/binfmt_script.c). The error is ENOEXEC, as if nothing had matched, and shells then run the file themselves.
#
# Expected: a refusal at registration, or the interpreter runs. Seen: Linux 6.18.
. "$(dirname "$0")/common.sh"
cat >"$WORK/try" <<'SH'
printf '#!/bin/sh\necho "the interpreter ran"\n' >interpreter
echo 'echo "a shell ran"' >file.x
chmod +x interpreter file.x
echo ":open:E::x::$PWD/interpreter:$1" >/proc/sys/fs/binfmt_misc/register && echo registered
env ./file.x
SH
same 'without flags' $'registered\nthe interpreter ran' "$(with_table sh ./try '')"
same 'with flag O' $'registered\na shell ran' "$(with_table sh ./try O)"
