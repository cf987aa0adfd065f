# shellcheck shell=bash
printf '#!/bin/sh\nkill -SEGV $$\n' >crashes; chmod +x crashes; stranger qemu-aarch64 "$PWD/crashes" P
rbinfmt doctor --no-engines --fix >out.txt 2>told.txt || fail "$(cat out.txt told.txt)"
grep -q 'problem\[qemu-segv-libc-bin\]' out.txt || fail "$(cat out.txt)"
grep -qx -e '--fix: rbinfmt install --qemu latest arm64' told.txt || fail "$(cat told.txt)"
must "$FIXTURES/arm64/busybox" true
