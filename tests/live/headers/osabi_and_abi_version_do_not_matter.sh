# shellcheck shell=bash
# shellcheck source=patch.sh
. "${BASH_SOURCE%/*}/patch.sh"
for osabi in 03 09 41 61; do
    patch busybox.$osabi 7 "\\x$osabi"
    [ "$(./busybox.$osabi uname -m)" = aarch64 ] || fail osabi $osabi
done
patch busybox.abi 8 '\x05'
[ "$(./busybox.abi uname -m)" = aarch64 ] || fail 'ABI version 5'
