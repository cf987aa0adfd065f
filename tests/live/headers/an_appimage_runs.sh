# shellcheck shell=bash
# shellcheck source=patch.sh
. "${BASH_SOURCE%/*}/patch.sh"
patch busybox.app 8 'AI\x02'
[ "$(./busybox.app uname -m)" = aarch64 ] || fail "$(head -c 20 busybox.app | od -tx1)"
