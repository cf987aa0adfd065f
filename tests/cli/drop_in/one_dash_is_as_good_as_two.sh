# shellcheck shell=bash
export QEMU_BINARY_PATH=$EMULATORS
for dash in - --; do
    for sign in ' ' =; do
        # shellcheck disable=SC2086 # one word or two
        must rbinfmt ${dash}install${sign}arm64 >/dev/null 2>err.txt
        [ "$(names)" = qemu-aarch64 ] || fail "$dash$sign: $(cat err.txt)"
        # shellcheck disable=SC2086 # one word or two
        must rbinfmt ${dash}uninstall${sign}arm64 >/dev/null 2>err.txt
        grep -qx 'uninstalling: qemu-aarch64 OK' err.txt || fail "$(cat err.txt)"
        [ -z "$(names)" ] || fail "$(names)"
    done
    must rbinfmt ${dash}version 2>err.txt
    must rbinfmt ${dash}mount "$TABLE" >/dev/null
done
