# shellcheck shell=bash
alive() { /bin/true && /bin/sh -c : && rbinfmt -V >/dev/null || fail "$1: the machine is broken"; }
echo 0 >"$TABLE/status"
# Also under a name that rbinfmt gives while it replaces an entry.
for name in hijacker qemu-aarch64 rbinfmt-new-qemu-aarch64 rbinfmt-new-other; do
    printf '%s' "${RULE/hijacker/$name}" >"$TABLE/register" || fail registering
    echo 0 >"$TABLE/$name"
    names="${names-} $name"
done
echo 1 >"$TABLE/status"
alive before
must rb doctor --no-engines --fix >out.txt 2>err.txt
alive doctor
grep -q '\[binfmt-native-hijack\]' out.txt || fail "$(cat out.txt)"
! grep -E 'echo 1 |install --force' out.txt || fail 'advice that ends the machine'
for way in 'install arm64' 'install --force arm64'; do
    # shellcheck disable=SC2086 # words
    rb $way >out.txt 2>err.txt
    alive "$way: $(cat out.txt err.txt)"
    [ ! -e "$TABLE/other" ] || fail "$(cat "$TABLE/other")"
    must "$FIXTURES/arm64/busybox" true
done
[ "$(head -n 1 "$TABLE/hijacker")" = disabled ] || fail 'it was switched on'
