#!/bin/bash
# inotify(7) on a table of binfmt_misc tells that an entry is removed, but not that one is registered (bm_register_write in
# fs/binfmt_misc.c makes the file without a notification). Whoever wants to see what others register has to read the table again and
# again, or to watch the file `register` and guess.
#
# Expected: CREATE and DELETE, as in any other directory. Seen: DELETE alone with Linux 6.18.
. "$(dirname "$0")/common.sh"
packages 'inotify-tools=3.22.6.0-4' 'libinotifytools0=3.22.6.0-4'
cat >"$WORK/try" <<'SH'
# wait_for WORD FILE: the file has it, or two seconds are over.
wait_for() { for _ in $(seq 200); do grep -q "$1" "$2" && return; sleep 0.01; done; }
here=$PWD
LD_LIBRARY_PATH=$(echo root/usr/lib/*-linux-gnu) root/usr/bin/inotifywait -m -e create,delete --format '%e %f' "$1" \
    >events 2>messages &
wait_for established messages
cd "$1"
if [ -e register ]; then echo ':entry:E::x::/bin/true:' >register; else echo >entry; fi
if [ -e register ]; then echo -1 >entry; else rm entry; fi
wait_for DELETE "$here/events"
kill $!
cat "$here/events"
SH
mkdir "$WORK/directory"
same 'a directory' $'CREATE entry\nDELETE entry' "$(cd "$WORK" && sh ./try directory)"
same 'a table' 'DELETE entry' "$(with_table sh ./try /proc/sys/fs/binfmt_misc)"
