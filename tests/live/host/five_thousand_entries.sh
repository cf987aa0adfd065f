# shellcheck shell=bash
must rb install arm64
for i in {1..5000}; do
    printf '%s' ":other$i:M::MARK$i::/no/interpreter$((i % 100)):" >"$TABLE/register" || fail "registering $i"
done
ulimit -v 200000
for verb in 'doctor --no-engines' status 'install arm64'; do
    # Seconds of a processor, for a build without optimisation.
    # shellcheck disable=SC2086 # words
    (ulimit -t 20; rb $verb >out.txt 2>err.txt) || [ $? = 1 ] || fail "$verb: $(head -c 500 err.txt)"
done
