# shellcheck shell=bash
# How every shell test speaks and ends: sourced first, by those of e2e/ and by the scripts of the Rust tests. $NAME is the
# test's name. Whatever is redirected, `fail` writes to the standard error that the test was started with.
TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
NAME=$(basename "$0")
exec 9>&2

ok() { echo "ok: $*"; }

# The test ends with 99, which nothing that is tested ends with. In a pipe, in $(...) and in the background `exit` ends
# only a subshell: there the test itself is told to end.
trap 'exit 99' USR1
fail() {
    echo "FAILED: ${NAME:+$NAME: }$*" >&9
    [ -z "${WORK-}" ] || tail -n 30 "$WORK/out" >&9 2>/dev/null || true
    [ "$BASHPID" = $$ ] || kill -USR1 $$
    exit 99
}

# skipped NEEDS WHY...: a check that cannot be made here. Each is counted by .ci/run; with RBINFMT_TEST_ALL=1 it is a
# failure, unless NEEDS is one of lacks.sh and this machine lacks it. What could be installed or fetched is `-`.
skipped() {
    local needs=$1
    shift
    echo "SKIPPED: $NAME: $*" >&2
    [ -z "${RBINFMT_SKIPPED-}" ] || echo "$NAME: $*" >>"$RBINFMT_SKIPPED"
    [ "${RBINFMT_TEST_ALL-}" != 1 ] || "$TESTS/lacks.sh" "$needs" || fail "RBINFMT_TEST_ALL=1: this may not be skipped: $*"
}
# The rest of the test is skipped.
skip() {
    skipped "$@"
    exit 0
}
