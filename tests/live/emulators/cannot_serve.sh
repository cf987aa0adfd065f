# shellcheck shell=bash
# $MAKE puts a file in place as $emulator; the status is that of installing arm64 with it.
# shellcheck source=handmade.sh
. "${BASH_SOURCE%/*}/handmade.sh"
mkdir here
# shellcheck disable=SC2034 # for $MAKE
emulator=here/qemu-aarch64
eval "$MAKE"
rbinfmt install arm64 --emulators "$PWD/here"; got=$?
[ -z "$(names)" ] || fail "$(names)"
# The same in JSON is JSON.
rbinfmt install arm64 --emulators "$PWD/here" --json >json.txt; again=$?
grep -q '"ok": false' json.txt || fail "$(cat json.txt)"
[ $got = $again ] || fail "$got, then $again"
exit $got
