# shellcheck shell=bash
must rb install arm64
stranger qemu-mine /opt/qemu-mine '' QM ''
stranger python3 /bin/true '' PY ''
stranger qemulator /bin/true '' QL ''
must rb uninstall 'qemu-*' >out.txt
[ "$(names | tr '\n' ' ')" = 'python3 qemulator ' ] || fail "$(names): $(cat out.txt)"
must rb uninstall '*' >out.txt
grep -q "python3 *skipped *it is not QEMU's" out.txt || fail "$(cat out.txt)"
[ "$(names | tr '\n' ' ')" = 'python3 qemulator ' ] || fail "$(names): $(cat out.txt)"
wants 1 rb uninstall python3
must rb uninstall python3 --force
must rb uninstall '*' --force
[ -z "$(names)" ] || fail "$(names)"
