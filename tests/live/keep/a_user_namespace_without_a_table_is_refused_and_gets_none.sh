# shellcheck shell=bash
rb "$@" >out.txt 2>err.txt; got=$?
grep ' - binfmt_misc ' /proc/self/mountinfo && fail 'it mounted a table'
cat err.txt >&2
exit $got
