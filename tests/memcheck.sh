#!/bin/bash
# Memcheck over runs that reach the program's unsafe code: the traced child of `doctor --verify`, AT_EXECVE_CHECK, and the forked
# process that registers entries which hold their table. Not among them: one call that only a static build makes before it
# resolves a name (src/http). In a user namespace with a table of its own.
# usage: tests/memcheck.sh [PROGRAM]      a build with symbols, not static
set -euo pipefail
cd "$(dirname "$0")/.."
PROGRAM=$(realpath "${1:-target/debug/rbinfmt}")
if [ -z "${WORK-}" ]; then
    WORK=$(mktemp -d)
    export WORK
    trap 'rm -rf "$WORK"' EXIT
    for arch in aarch64 riscv64; do
        cc -O1 -static -nostdlib -ffreestanding -fno-stack-protector -fno-pie -no-pie -s -DONE '-DVERSION="one"' \
            -o "$WORK/qemu-$arch-static" tests/faults/emulator.c
    done
    unshare --user --map-root-user --mount "$0" "$PROGRAM"
    exit
fi
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc

# checked WORD...: the run succeeds and memcheck has nothing to say.
checked() {
    valgrind -q --error-exitcode=99 --trace-children=no --suppressions=tests/memcheck.supp --log-file="$WORK/log.%p" \
        "$PROGRAM" --emulators "$WORK" "$@" >"$WORK/out" 2>&1 || {
        echo "rbinfmt $*: status $?" >&2
        cat "$WORK/out" "$WORK"/log.* >&2
        exit 1
    }
    # A forked process has a log of its own.
    [ -z "$(cat "$WORK"/log.*)" ] || { cat "$WORK"/log.* >&2; exit 1; }
    echo "clean: rbinfmt $*"
}

checked install arm64 riscv64
checked doctor --verify /bin/sh "$WORK/qemu-aarch64-static"
checked uninstall all
checked install --keep entries arm64 riscv64
