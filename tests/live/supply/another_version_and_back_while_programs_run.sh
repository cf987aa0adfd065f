# shellcheck shell=bash
must rbinfmt install arm64 --qemu 7.2 2>told.txt
# A pair that is known to fail is named; what running it has shown is in its manifest.
grep -q 'warning: arm64: QEMU .*7\.2' told.txt || fail "$(cat told.txt)"
grep -q '"preserves_argv0": true' "$RBINFMT_STORE"/versions/debian-7.2*/manifest.json || fail 'no note of P'
grep -q "interpreter $RBINFMT_STORE/versions/debian-7.2" "$TABLE/qemu-aarch64" || fail "$(cat "$TABLE/qemu-aarch64")"
(
    while [ ! -e stop ]; do
        "$FIXTURES/arm64/busybox" true || echo failed >>failures
        echo >>runs
    done
) &
must rbinfmt upgrade >upgrade.txt
grep -q 'qemu-aarch64 -> .* works' upgrade.txt || fail "$(cat upgrade.txt)"
grep -q "interpreter $RBINFMT_STORE/versions/debian-7.2" "$TABLE/qemu-aarch64" && fail "$(cat "$TABLE/qemu-aarch64")"
must rbinfmt emulators use 7.2
grep -q "interpreter $RBINFMT_STORE/versions/debian-7.2" "$TABLE/qemu-aarch64" || fail "$(cat "$TABLE/qemu-aarch64")"
touch stop
wait
[ ! -e failures ] || fail "$(wc -l <failures) of $(wc -l <runs) runs failed"
[ "$(wc -l <runs)" -gt 20 ] || fail "only $(wc -l <runs) runs"
# The newer one is still there, and may go.
[ "$(rbinfmt emulators --json | grep -c '"id"')" = 2 ] || fail "$(rbinfmt emulators)"
must rbinfmt emulators gc
[ "$(rbinfmt emulators --json | grep -c '"id"')" = 1 ] || fail "$(rbinfmt emulators)"
must "$FIXTURES/arm64/busybox" true
