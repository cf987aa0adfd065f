# shellcheck shell=bash
mkdir here
cp "$EMULATORS/qemu-aarch64-static" here/
here() { rbinfmt --emulators "$PWD/here" "$@"; }
must here install arm64
must here status >out.txt
rbinfmt --emulators "$PWD/here" install arm64 --hold --interval 1 >hold.txt 2>&1 & holder=$!
soon grep -q 'holding the table' hold.txt
chmod 777 here
wants 1 here status >out.txt
grep -q "problem: others can make it run what they like as root: $PWD/here can be written by everybody" out.txt || fail "$(cat out.txt)"
wants 1 here install arm64 >out.txt
soon grep -q "is not root's alone" hold.txt
# Somebody puts another file in its place, and removes the entry: the holder registers nothing.
before=$(cat "$TABLE/qemu-aarch64")
cp /bin/cat here/new
mv here/new here/qemu-aarch64-static
sleep 2
[ "$(cat "$TABLE/qemu-aarch64")" = "$before" ] || fail "$(cat "$TABLE/qemu-aarch64")"
must "$FIXTURES/arm64/busybox" true
echo -1 >"$TABLE/qemu-aarch64"
sleep 2
[ -z "$(names)" ] || fail "$(names)"
# It takes it up as soon as it is root's alone.
cp "$EMULATORS/qemu-aarch64-static" here/new
mv here/new here/qemu-aarch64-static
chmod 755 here
soon test -e "$TABLE/qemu-aarch64"
kill $holder
wait $holder || fail "$(cat hold.txt)"
