# shellcheck shell=bash
wants 0 rb install x --profiles profiles >out.txt
grep -q 'x *skipped *this machine runs it natively' out.txt || fail "$(cat out.txt)"
wants 1 rb install x --profiles profiles --force >out.txt
grep -q 'x *failed *the rule would match' out.txt || fail "$(cat out.txt)"
[ -z "$(names)" ] || fail "$(names)"
