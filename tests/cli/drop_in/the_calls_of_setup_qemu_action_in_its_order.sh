# shellcheck shell=bash
export QEMU_BINARY_PATH=$EMULATORS
# What it does: it throws if the exit status is not 0 and standard error is not empty.
action() { rbinfmt "$@" 2>err.txt >out.txt || [ ! -s err.txt ] || fail "$*: $(cat err.txt)"; }
action --version
[ ! -s out.txt ] || fail "$(cat out.txt)"
grep -q '^binfmt/' err.txt || fail "$(cat err.txt)"
action --uninstall 'qemu-*'
action --install all
grep -q '^installing: arm64 OK$' err.txt || fail "$(cat err.txt)"
grep -q '^the table lasts as long as the mounts of this namespace$' err.txt || fail "$(cat err.txt)"
action --install arm64,riscv64,amd64
grep -q '^installing: arm64 qemu-aarch64 already registered$' err.txt || fail "$(cat err.txt)"
rbinfmt 2>err.txt
[ ! -s err.txt ] || fail "$(cat err.txt)"
