# shellcheck shell=bash
for n in {1..20}; do
    rb install arm64 s390x ppc64le >"$n.out" 2>&1 &
    pids="${pids-} $!"
done
for pid in $pids; do wait "$pid" || fail "one of twenty: $(cat ./*.out)"; done
[ "$(names | tr '\n' ' ')" = 'qemu-aarch64 qemu-ppc64le qemu-s390x ' ] || fail "$(names)"
[ "$(cat ./*.out | grep -c 'arm64 *added')" = 1 ] || fail "not added once: $(cat ./*.out)"
must "$FIXTURES/arm64/busybox" true
