# shellcheck shell=bash
must rb install all --private --dry-run >/dev/null
grep binfmt_misc /proc/self/mountinfo && fail 'a dry run mounted it'
true
