# shellcheck shell=bash
mkdir here
cp "$EMULATORS/qemu-aarch64-static" here/
here() { rbinfmt --emulators "$PWD/here" "$@"; }
must here install arm64
# An upgrade as a package manager does it: a new file takes the old one's name.
cp "$EMULATORS/qemu-aarch64-static" here/new
mv here/new here/qemu-aarch64-static
must here install arm64 >out.txt
grep -q replaced out.txt || fail "$(cat out.txt)"
must here install arm64 -v >out.txt
grep -q kept out.txt || fail "$(cat out.txt)"
# The file that the entry holds is the one at the path.
"$FIXTURES/arm64/busybox" sleep 60 &
child=$!
for _ in {1..100}; do
    [ "$(stat -Lc %i /proc/$child/exe)" = "$(stat -c %i here/qemu-aarch64-static)" ] && break
    sleep 0.1
done
[ "$(stat -Lc %i /proc/$child/exe)" = "$(stat -c %i here/qemu-aarch64-static)" ] || fail 'the old file runs'
kill $child
