# shellcheck shell=bash
quiet() {
    must "$@" >out.txt 2>&1
    [ ! -s out.txt ] || fail "$*: $(cat out.txt)"
}
quiet rb install arm64 -q
quiet rb status --quiet
quiet rb uninstall arm64 -q
wants 1 rbinfmt install arm64 -q --emulators /nonexistent >out.txt 2>err.txt
[ ! -s out.txt ] && grep -q '^error: arm64: there is no qemu-aarch64' err.txt || fail "$(cat out.txt err.txt)"
# Of all architectures, those without an emulator are told of on demand.
mkdir one
cp "$EMULATORS/qemu-aarch64-static" one
must rbinfmt install all --emulators "$PWD/one" >out.txt
grep -q '^arm64 *added' out.txt && ! grep -q riscv64 out.txt || fail "$(cat out.txt)"
must rbinfmt install all --emulators "$PWD/one" --verbose >out.txt
grep -q '^arm64 *kept' out.txt && grep -q '^riscv64 *skipped *there is no qemu-riscv64' out.txt || fail "$(cat out.txt)"
