# shellcheck shell=bash
# handmade CODE: a static x86_64 program of this machine code as $emulator.
handmade() {
    # shellcheck disable=SC2154 # the script's
    {
        printf '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0\x78\0\x40\0\0\0\0\0\x40\0\0\0\0\0\0\0'
        printf '\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\x38\0\x01\0\0\0\0\0\0\0'
        printf '\x01\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\x40\0\0\0\0\0'
        printf '\x00\x01\0\0\0\0\0\0\x00\x01\0\0\0\0\0\0\0\x10\0\0\0\0\0\0'
        printf '%b' "$1"
        head -c 256 /dev/zero
    } >"$emulator"
    chmod +x "$emulator"
}
