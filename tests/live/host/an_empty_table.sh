# shellcheck shell=bash
# The first thing that is said where nothing is registered: printed host 'rbinfmt install all'
rb doctor --no-engines --no-verify >out.txt
command=$(grep -m 1 -o 'rbinfmt install.*' out.txt)
[ "$command" = 'rbinfmt install all' ] || fail "$(cat out.txt)"
# shellcheck disable=SC2086 # words
must rb ${command#rbinfmt } >/dev/null
must "$FIXTURES/arm64/busybox" true
