# shellcheck shell=bash
for next in 'install arm64' 'uninstall all' 'install arm64 --no-verify'; do
    must rb install arm64
    stranger rbinfmt-new-qemu-aarch64 "$EMULATORS/qemu-aarch64-static" POCF
    stranger rbinfmt-new-qemu-aarch64.1 "$EMULATORS/qemu-aarch64-static" POCF
    # shellcheck disable=SC2086 # words
    must rb $next
    names | grep rbinfmt-new && fail "after $next"
done
must "$FIXTURES/arm64/busybox" true
