# shellcheck shell=bash
# shellcheck source=metrics.sh
. "${BASH_SOURCE%/*}/metrics.sh"
# The next one comes with emulators of its own, as a new image does.
mkdir old new
cp "$EMULATORS/qemu-aarch64-static" old/
cp "$EMULATORS/qemu-aarch64-static" new/
touch -d '2020-01-01' old/*
# A container's path of both is the same: a mount of its own for each.
hold() { exec unshare --mount bash -c 'mkdir -p bin && mount --bind $0 bin && exec rbinfmt --emulators $PWD/bin install arm64 --hold --interval 1' "$1"; }
hold old >hold.txt 2>&1 &
old=$!
soon grep -q 'holding the table' hold.txt
: >failures
while :; do "$FIXTURES/arm64/busybox" true 2>/dev/null || echo gap >>failures; echo . >>runs; done &
soon test -s runs
kill -TERM $old
wants 0 wait $old
hold new >hold2.txt 2>&1 &
new=$!
soon grep -q 'holding the table' hold2.txt
grep -q 'replaced' hold2.txt || fail "$(cat hold2.txt)"
# The old emulator's file is let go, by the last program that it runs too; the new one is in use.
free() { { : >>old/qemu-aarch64-static; } 2>/dev/null; }
soon free
! { : >>new/qemu-aarch64-static; } 2>/dev/null || fail 'the new emulator is not in use'
kill -TERM $new
wants 0 wait $new
[ ! -s failures ] || fail "$(wc -l <failures) of $(wc -l <runs) programs failed"
