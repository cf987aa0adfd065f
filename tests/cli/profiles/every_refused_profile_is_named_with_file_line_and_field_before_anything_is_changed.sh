# shellcheck shell=bash
must rb install s390x
for ((n = 0; n < CASES; n++)); do
    for verb in 'install arm64' 'install x' 'uninstall all' status profiles '--install arm64' ''; do
        # shellcheck disable=SC2086 # words
        wants 2 rb $verb --profiles $n >out.txt 2>err.txt
        grep -qF "error: $(cat $n/wanted)" err.txt || fail "wanted $(cat $n/wanted): $(cat err.txt)"
        grep -q 'nothing was changed' err.txt || fail "$(cat err.txt)"
        [ ! -s out.txt ] || fail "$(cat out.txt)"
    done
    [ "$(names)" = qemu-s390x ] || fail "$n: $(names)"
done
