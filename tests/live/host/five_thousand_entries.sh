# shellcheck shell=bash
# shellcheck source=many.sh
. "${BASH_SOURCE%/*}/many.sh"
# In bounded memory, also for the emulators that it runs.
bounded() { (ulimit -v 200000 && rb "$@"); }
# The time grows as the number of entries does: four times, were it not for what a run takes anyway.
for shape in short long masks; do
    must rb install arm64 >out.txt
    must many $shape 1 1250
    few=$(cpu bounded doctor --no-engines)
    must many $shape 1251 5000
    for verb in 'doctor --no-engines' status 'install arm64' 'doctor /bin/true'; do
        # shellcheck disable=SC2086 # words
        time=$(cpu bounded $verb)
        # A build without optimisation.
        [ "$time" -lt 5000 ] || fail "$shape, $verb: $time ms"
        [ "$verb" != 'doctor --no-engines' ] || [ "$time" -lt $((few * 8)) ] || fail "$shape: $few ms, then $time ms"
    done
    time=$(cpu bounded uninstall '*' --force)
    [ "$time" -lt 5000 ] || fail "$shape, uninstall: $time ms"
    [ -z "$(names)" ] || fail "$(names | head -n 3)"
done
