# shellcheck shell=bash
# shellcheck source=nobody.sh
. "${BASH_SOURCE%/*}/nobody.sh"
for verb in status 'status --json' 'install arm64' 'uninstall all' '' '--install arm64'; do
    for private in '' --private; do
        # shellcheck disable=SC2086 # words
        wants 3 nobody $verb $private >out.txt 2>err.txt
        [ ! -s out.txt ] || fail "$verb: $(cat out.txt)"
        grep -q '^error: ' err.txt && grep -q ' help: ' err.txt || fail "$verb $private: $(cat err.txt)"
    done
    grep -q 'only root may mount it' err.txt && grep -q 'sudo' err.txt || fail "$verb: $(cat err.txt)"
done
