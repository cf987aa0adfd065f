# shellcheck shell=bash
for n in {1..10}; do
    rb install arm64 >in."$n" 2>&1 & pids="${pids-} $!"
    rb uninstall arm64 >un."$n" 2>&1 & pids="$pids $!"
done
for pid in $pids; do wait "$pid" || fail "$(cat in.* un.*)"; done
must rb install arm64
[ "$(names)" = qemu-aarch64 ] || fail "$(names)"
