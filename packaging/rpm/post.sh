# shellcheck shell=sh
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload || :
# The new version takes over its entries immediately; none is missing meanwhile.
if [ "$1" -gt 1 ] && systemctl --quiet is-active rbinfmt.service; then systemctl reload rbinfmt.service || :; fi
