# shellcheck shell=bash
# refused.sh [--force]: the status of installing the profile x, which may not break the machine.
names >before.txt
rb install x --profiles profiles "$@"; got=$?
names | cmp -s - before.txt || fail "$(names)"
/bin/true && /bin/sh -c : && rbinfmt -V >/dev/null || fail 'the machine is broken'
exit $got
