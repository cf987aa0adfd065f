# shellcheck shell=bash
# shellcheck source=metrics.sh
. "${BASH_SOURCE%/*}/metrics.sh"
rbinfmt --emulators "$EMULATORS" install arm64 --hold --interval 1 --nfd-dir features >hold.txt 2>&1 &
hold=$!
soon grep -q 'warning: writing features/rbinfmt: No such file or directory' hold.txt
echo -1 >"$TABLE/qemu-aarch64"
soon "$FIXTURES/arm64/busybox" true 2>/dev/null
soon grep -q 'registered again' hold.txt
[ "$(grep -c warning hold.txt)" = 1 ] || fail "$(cat hold.txt)"
kill -TERM $hold
wants 1 wait $hold
