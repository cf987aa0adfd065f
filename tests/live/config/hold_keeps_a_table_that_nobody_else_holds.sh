# shellcheck shell=bash
# shellcheck source=hold.sh
. "${BASH_SOURCE%/*}/hold.sh"
unshare --mount rbinfmt --private --emulators "$EMULATORS" install arm64 --hold --interval 1 >hold.txt 2>&1 &
hold=$!
soon works
soon grep -q 'lasts as long as this process' hold.txt
kill -TERM $hold
wants 0 wait $hold
# Its mount was the last one.
works && fail 'the entries outlived the process'
true
