# shellcheck shell=sh
# Entries, links and all else that `rbinfmt enable` made.
if [ "$1" -eq 0 ]; then rbinfmt disable --quiet || :; fi
