# shellcheck shell=bash
must rb install s390x arm64
stranger theirs /bin/true '' THEM ''
stranger qemu-theirs /bin/true '' QEMU ''
must rb install --config config.toml >out.txt
[ "$(names | sort | tr '\n' ' ')" = 'qemu-aarch64 qemu-riscv64 qemu-theirs theirs ' ] || fail "$(names)"
grep -q 's390x *removed' out.txt || fail "$(cat out.txt)"
must rb install --config config.toml >out.txt
grep -q -e added -e removed -e replaced out.txt && fail "a second run: $(cat out.txt)"
echo 'architectures = []' >config.toml
must rb install --config config.toml
[ "$(names | sort | tr '\n' ' ')" = 'qemu-theirs theirs ' ] || fail "$(names)"
