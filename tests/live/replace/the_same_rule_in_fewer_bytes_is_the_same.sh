# shellcheck shell=bash
must rb install arm64
magic=$(sed -n 's/^magic //p' "$TABLE/qemu-aarch64")
mask=$(sed -n 's/^mask //p' "$TABLE/qemu-aarch64")
hex() { sed 's/../\\x&/g'; }
echo -1 >"$TABLE/qemu-aarch64"
# Two bytes more, of which no bit counts.
stranger qemu-aarch64 "$EMULATORS/qemu-aarch64-static" POCF "$(echo "${magic}"1234 | hex)" "$(echo "${mask}"0000 | hex)"
must rb install arm64 -v >out.txt
grep -q kept out.txt || fail "$(cat out.txt)"
