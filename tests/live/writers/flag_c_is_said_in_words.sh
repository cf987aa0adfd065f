# shellcheck shell=bash
said() { grep -q "^note: flag C: set-uid programs of these architectures run with their owner's rights" err.txt; }
must rb install arm64 2>err.txt
said || fail "$(cat err.txt)"
must rb install arm64 2>err.txt
! said || fail 'nothing was given'
must rb install arm64 --no-credentials 2>err.txt
! said || fail "$(cat err.txt)"
must rb install arm64 -q 2>err.txt
[ ! -s err.txt ] || fail "$(cat err.txt)"
must rb uninstall all
must rb --install arm64 >out.txt 2>err.txt
said || fail "$(cat err.txt)"
