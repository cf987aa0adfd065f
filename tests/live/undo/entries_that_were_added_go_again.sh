# shellcheck shell=bash
rb install arm64 s390x zz --profiles profiles; got=$?
[ -z "$(names)" ] || fail "$(names)"
exit $got
