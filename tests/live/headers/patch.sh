# shellcheck shell=bash
# patch FILE OFFSET BYTES: a copy of arm64's busybox with other bytes in its header.
patch() {
    cp "$FIXTURES/arm64/busybox" "$1"
    printf '%b' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
    chmod +x "$1"
}
must rb install arm64 >/dev/null
