# shellcheck shell=bash
# What the entry of arm64 does.
gone() { [ ! -e "$TABLE/qemu-aarch64" ]; }
works() { "$FIXTURES/arm64/busybox" true 2>/dev/null; }
