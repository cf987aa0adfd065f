# shellcheck shell=bash
# shellcheck source=patch.sh
. "${BASH_SOURCE%/*}/patch.sh"
patch dyn 16 '\x03'
./dyn true >dyn.txt 2>&1; got=$?
grep -q 'Exec format error' dyn.txt && fail "$(cat dyn.txt)"
[ $got != 126 ] || fail "$got"
