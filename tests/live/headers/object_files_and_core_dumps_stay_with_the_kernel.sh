# shellcheck shell=bash
# shellcheck source=patch.sh
. "${BASH_SOURCE%/*}/patch.sh"
for kind in 00 01 04; do
    patch kind.$kind 16 "\\x$kind"
    wants 126 ./kind.$kind true 2>kind.txt
    grep -q 'Exec format error' kind.txt || fail "$(cat kind.txt)"
done
