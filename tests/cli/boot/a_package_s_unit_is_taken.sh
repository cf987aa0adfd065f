# shellcheck shell=bash
# shellcheck source=system.sh
. "${BASH_SOURCE%/*}/system.sh"
mkdir tree/usr/lib/systemd/system
touch tree/usr/lib/systemd/system/rbinfmt.service
must enable arm64
[ ! -e "$unit" ] && [ ! -e tree/usr/local ] || fail "$(files)"
link=tree/etc/systemd/system/multi-user.target.wants/rbinfmt.service
[ "$(readlink $link)" = /usr/lib/systemd/system/rbinfmt.service ] || fail "$(readlink $link)"
