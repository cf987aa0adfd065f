# shellcheck shell=bash
emulator=$EMULATORS/qemu-aarch64-static
stranger qemu-aarch64 "$emulator" POC
mkdir one
cp "$emulator" one
rbinfmt --emulators one doctor --no-engines --fix >out.txt 2>err.txt
grep -qx -e '--fix: rbinfmt install arm64' err.txt || fail "$(cat err.txt)"
grep -q '^flags: POCF' "$TABLE/qemu-aarch64" || fail "$(cat "$TABLE/qemu-aarch64" out.txt err.txt)"
