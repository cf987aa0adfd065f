# shellcheck shell=bash
# shellcheck source=nobody.sh
. "${BASH_SOURCE%/*}/nobody.sh"
for verb in 'install arm64' 'install all' '--install arm64'; do
    # shellcheck disable=SC2086 # words
    wants 1 nobody $verb >out.txt 2>err.txt
    grep -q 'only root may do that; nothing was changed' err.txt || fail "$verb: $(cat err.txt)"
    grep -q 'help: .*sudo.*--privileged' err.txt || fail "$verb: $(cat err.txt)"
    [ -z "$(names)" ] || fail "$(names)"
done
must ./rbinfmt --emulators "$PWD/emulators" install arm64
# What is as wanted already needs no rights; neither does looking.
must nobody install arm64 -v >out.txt
grep -q kept out.txt || fail "$(cat out.txt)"
must nobody status --json >out.txt
grep -q '"works": true' out.txt || fail "$(cat out.txt)"
must nobody install arm64 --no-credentials --dry-run >out.txt
grep -q replace out.txt || fail "$(cat out.txt)"
for verb in 'uninstall all' 'uninstall arm64' 'install arm64 --no-credentials'; do
    # shellcheck disable=SC2086 # words
    wants 1 nobody $verb >out.txt 2>err.txt
    grep -q 'only root may do that; nothing was changed' err.txt || fail "$verb: $(cat err.txt)"
    grep -qx 'flags: POCF' "$TABLE/qemu-aarch64" || fail "$verb: $(names)"
done
