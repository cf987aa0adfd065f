# shellcheck shell=bash
# Only builtins write to the table: with one mistake nothing else would start.
alive() { [ "$(<"$TABLE/status")" = disabled ] && /bin/true && rbinfmt -V >/dev/null || fail "$1: the machine is broken"; }
echo 0 >"$TABLE/status"
printf '%s' "$RULE" >"$TABLE/register" || fail registering
for state in 1 0; do
    echo $state >"$TABLE/hijacker"
    for way in 'install arm64' 'install --force arm64' 'install --force --no-verify all' '--install arm64' 'install --force --dry-run arm64'; do
        # shellcheck disable=SC2086 # words
        wants 1 rb $way >out.txt 2>err.txt
        alive "$way"
        grep -q 'has to stay so while it has the entry hijacker, which matches ' err.txt || fail "$way: $(cat err.txt)"
        grep -q "help: .echo -1 > $TABLE/hijacker." err.txt || fail "$way: $(cat err.txt)"
    done
    wants 1 rb status >out.txt
    grep -q 'problem: it matches ' out.txt || fail "$(cat out.txt)"
    for way in '' --fix; do
        # shellcheck disable=SC2086 # words
        wants 1 rb doctor --no-engines $way >out.txt 2>err.txt
        alive "doctor $way"
        grep -q 'problem\[binfmt-native-hijack\]' out.txt || fail "$(cat out.txt)"
        ! grep -E 'echo 1 |install --force' out.txt || fail 'advice that ends the machine'
    done
    wants 1 rb doctor "$FIXTURES/arm64/busybox" >out.txt
    ! grep -E 'echo 1 |install --force' out.txt || fail 'advice that ends the machine'
done
# The way out that was printed, in the shell that is left.
echo -1 > "$TABLE/hijacker"
must rb install --force arm64
must "$FIXTURES/arm64/busybox" true
