# shellcheck shell=bash
chmod +x handler a.greeting b
must rbinfmt install by-name by-bytes --profiles profiles
[ "$(./a.greeting 1)" = 'handled ./a.greeting 1' ] || fail "$(./a.greeting 1)"
[ "$(./b 2)" = 'handled ./b 2' ] || fail "$(./b 2)"
must rbinfmt uninstall all --profiles profiles
[ -z "$(names)" ] || fail "$(names)"
