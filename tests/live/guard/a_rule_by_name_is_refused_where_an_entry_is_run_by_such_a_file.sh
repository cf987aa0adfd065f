# shellcheck shell=bash
chmod +x handler.run
# Without that entry the rule is fine.
must rb install x --profiles profiles
must rb uninstall all --profiles profiles
[ -z "$(names)" ] || fail "$(names)"
stranger theirs "$PWD/handler.run" '' 'THEM' ''
for force in '' --force; do
    # shellcheck disable=SC2086 # words
    wants 1 rb install x --profiles profiles $force >out.txt
    grep -q 'the interpreter of the entry theirs' out.txt || fail "$(cat out.txt)"
    [ "$(names)" = theirs ] || fail "$(names)"
done
