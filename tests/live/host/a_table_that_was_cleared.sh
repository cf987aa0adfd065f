# shellcheck shell=bash
must rb install arm64 >/dev/null
echo -1 >"$TABLE/status"; [ -z "$(names)" ] || fail "$(names)"
# shellcheck disable=SC2086 # words
must $FIX >/dev/null
must "$FIXTURES/arm64/busybox" true
