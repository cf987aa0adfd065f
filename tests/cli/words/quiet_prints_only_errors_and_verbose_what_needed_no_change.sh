# shellcheck shell=bash
[ -z "$(rb install arm64 -q 2>&1)" ] || fail 'quiet install'
[ -z "$(rb status --quiet 2>&1)" ] || fail 'quiet status'
[ -n "$(rbinfmt install arm64 -q --emulators /nonexistent 2>&1)" ] || fail 'a quiet failure'
