# shellcheck shell=bash
printf 'architectures = ["arm64", "s390x"]\nemulators = ["%s"]\n' "$EMULATORS" >both.toml
printf 'architectures = ["all"]\nemulators = ["%s"]\n' "$EMULATORS" >all.toml
printf 'architectures = []\nemulators = ["%s"]\n' "$EMULATORS" >none.toml
wants 1 rbinfmt status --config both.toml >out.txt
grep -qx 'wanted, but does not run: arm64 s390x' out.txt || fail "$(cat out.txt)"
wants 0 rbinfmt status --config none.toml >out.txt
must rbinfmt install --config both.toml
wants 0 rbinfmt status --config both.toml >out.txt
wants 1 rbinfmt status --config all.toml >out.txt
wants 1 rbinfmt status --config none.toml >out.txt
grep -qx 'not wanted: qemu-s390x qemu-aarch64' out.txt || fail "$(cat out.txt)"
# A stranger's broken entry is not its business, and one that does the work will do.
stranger qemu-mips /nonexistent '' '\x7f\x45\x4c\x46\x01\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x08' '\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff'
wants 1 rbinfmt status >out.txt
wants 0 rbinfmt status --config both.toml >out.txt
echo -1 >"$TABLE/qemu-mips"
echo 0 >"$TABLE/qemu-aarch64"
wants 1 rbinfmt status --config both.toml --json >out.json
grep -A1 '"missing"' out.json | grep -q arm64 || fail "$(cat out.json)"
must rbinfmt install --config all.toml
wants 0 rbinfmt status --config all.toml >out.txt
must rbinfmt install --config none.toml
wants 0 rbinfmt status --config none.toml >out.txt
[ -z "$(names)" ] || fail "$(names)"
