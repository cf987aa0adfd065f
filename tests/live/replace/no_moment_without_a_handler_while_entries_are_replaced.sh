# shellcheck shell=bash
must rb install arm64 >/dev/null
(
    n=0
    until [ -e stop ]; do
        "$FIXTURES/arm64/busybox" true 2>>gap.txt || { echo "run $n failed" >>gap.txt; exit 1; }
        n=$((n + 1))
    done
    echo $n >runs.txt
) &
loop=$!
for n in {1..15}; do
    must rb install arm64 --no-credentials --no-verify >/dev/null
    must rb install arm64 --no-verify >/dev/null
done
must rb install arm64 --no-credentials >/dev/null
touch stop
wait $loop || fail "$(cat gap.txt)"
[ "$(cat runs.txt)" -gt 0 ] || fail 'the loop did not run'
[ "$(names)" = qemu-aarch64 ] || fail "$(names)"
grep -qx 'flags: POF' "$TABLE/qemu-aarch64" || fail "$(cat "$TABLE/qemu-aarch64")"
