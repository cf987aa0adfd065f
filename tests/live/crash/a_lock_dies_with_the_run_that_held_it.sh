# shellcheck shell=bash
flock --no-fork "$TABLE/register" sleep 1000 &
holder=$!
rb install arm64 >out.txt 2>&1 &
run=$!
sleep 0.5
[ -z "$(names)" ] || fail 'it did not wait'
kill -9 $holder
wait $run || fail "$(cat out.txt)"
[ "$(names)" = qemu-aarch64 ] || fail "$(names)"
