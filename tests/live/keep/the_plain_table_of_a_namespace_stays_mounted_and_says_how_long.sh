# shellcheck shell=bash
rb install arm64 --private --json || fail install
grep -q ' - binfmt_misc ' /proc/self/mountinfo || fail 'not mounted'
