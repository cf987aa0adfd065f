# shellcheck shell=bash
        cat >config.toml <<CONFIG
architectures = ["arm64"]
emulators = ["$EMULATORS"]
credentials = false
CONFIG
        must rbinfmt install --config config.toml
        grep -qx 'flags: POF' "$TABLE/qemu-aarch64" || fail "$(cat "$TABLE/qemu-aarch64")"
