# shellcheck shell=bash
# shellcheck source=metrics.sh
. "${BASH_SOURCE%/*}/metrics.sh"
mkdir metrics features
rbinfmt --emulators "$EMULATORS" install arm64 s390x arm --hold --interval 1 \
    --metrics-file metrics/rbinfmt.prom --nfd-dir features >hold.txt 2>&1 &
hold=$!
soon is entries 3
is 'platform_works{platform="linux/arm64"}' 1 && is repairs_total 0 && is errors_total 0 || fail "$(cat metrics/*)"
[ -z "$(value last_repair_timestamp_seconds)" ] || fail 'repaired before anything was broken'
[ "$(stat -c %a metrics/rbinfmt.prom features/rbinfmt)" = $'644\n644' ] || fail 'others cannot read them'
labels() { grep -v '^#' features/rbinfmt | sort | tr '\n' ' '; }
f=feature.node.kubernetes.io/rbinfmt-linux
[ "$(labels)" = "$f-arm-v5=true $f-arm-v6=true $f-arm-v7=true $f-arm64=true $f-s390x=true " ] || fail "$(labels)"
expiry=$(date -d "$(sed -n 's/^# +expiry-time=//p' features/rbinfmt)" +%s)
[ "$expiry" -gt "$(date +%s)" ] && [ "$expiry" -lt $(($(date +%s) + 3600)) ] || fail "expiry $expiry"

echo -1 >"$TABLE/qemu-aarch64"
soon is repairs_total 1
[ "$(value last_repair_timestamp_seconds)" -gt 1700000000 ] || fail "$(cat metrics/*)"
# A table that is switched off: nothing runs, and nothing is promised.
echo 0 >"$TABLE/status"
soon is entries 0
[ "$(value errors_total)" -gt 0 ] && ! value platform_works | grep . || fail "$(cat metrics/*)"
! grep -v '^#' features/rbinfmt || fail 'labels for what does not run'
echo 1 >"$TABLE/status"
soon is entries 3
soon grep -q arm64 features/rbinfmt

kill -TERM $hold
wants 0 wait $hold
[ -z "$(find metrics features -type f)" ] && [ "$(names | wc -l)" = 3 ] || fail "$(find metrics features; names)"
