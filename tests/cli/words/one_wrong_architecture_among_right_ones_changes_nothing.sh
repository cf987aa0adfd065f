# shellcheck shell=bash
wants 2 rb install arm64 risc64 2>err.txt
[ -z "$(names)" ] || fail "$(names)"
wants 2 rb --install arm64,risc64 2>err.txt >out.txt
[ -z "$(names)" ] || fail "$(names)"
