# shellcheck shell=bash
must rb install arm64 s390x
# Another tool's entry with another rule, and one of our names in a directory that is not ours.
stranger qemu-riscv64 /opt/qemu-riscv64 '' '\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xf3\x00'
stranger theirs /bin/true '' THEM ''
must rb uninstall all
[ "$(names | tr '\n' ' ')" = 'qemu-riscv64 theirs ' ] || fail "$(names)"
# An architecture by name is leave to remove it, whoever made it.
must rb uninstall riscv64
[ "$(names)" = theirs ] || fail "$(names)"
# What is neither an architecture nor an entry is probably a slip of the pen.
wants 1 rb uninstall theris 2>/dev/null
must rb uninstall arm64 >out.txt
grep -q 'not found' out.txt || fail "$(cat out.txt)"
