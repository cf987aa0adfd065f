# shellcheck shell=bash
must rb install arm64 --dry-run | grep -q 'arm64 *add ' || fail plan
[ -z "$(names)" ] || fail "$(names)"
must rb install arm64 >/dev/null
before=$(cat "$TABLE/qemu-aarch64")
must rb install arm64 --no-credentials --dry-run | grep -q replace || fail plan
must rb uninstall all --dry-run | grep -q remove || fail plan
[ "$(names)" = qemu-aarch64 ] && [ "$(cat "$TABLE/qemu-aarch64")" = "$before" ] || fail changed
