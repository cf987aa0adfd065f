# shellcheck shell=bash
archs='arm64 s390x riscv64'
# In turn: replacing three, removing, adding, and replacing without a look at what runs.
kinds=("install --no-credentials $archs" 'uninstall all' "install $archs" "install --no-credentials --no-verify $archs")
for kind in 0 1 2 3; do
    start=${EPOCHREALTIME/./}
    # shellcheck disable=SC2086 # words
    must rb ${kinds[kind]} >/dev/null
    takes[kind]=$((${EPOCHREALTIME/./} - start))
done
killed=0 kind=0
# shellcheck disable=SC2086 # words
must rb install $archs >/dev/null
for moment in $MOMENTS; do
    delay=$((takes[kind] * moment / 1000))
    # shellcheck disable=SC2046,SC2086 # words
    timeout -s KILL $(printf '%d.%06d' $((delay / 1000000)) $((delay % 1000000 + 1))) \
        rbinfmt --emulators "$EMULATORS" ${kinds[kind]} >/dev/null 2>&1
    [ $? = 137 ] && killed=$((killed + 1))
    kind=$(((kind + 1) % 4))
    # shellcheck disable=SC2086 # words
    must rb install $archs >out.txt 2>&1
    [ "$(names | tr '\n' ' ')" = 'qemu-aarch64 qemu-riscv64 qemu-s390x ' ] || fail "$delay: $(names): $(cat out.txt)"
    for name in $(names); do
        grep -qx 'flags: POCF' "$TABLE/$name" && grep -qx enabled "$TABLE/$name" || fail "$(cat "$TABLE/$name")"
    done
    [ "$("$FIXTURES/arm64/busybox" uname -m)" = aarch64 ] || fail "after $delay"
done
# On a machine so fast that nothing was left to kill, this test would say nothing.
[ $killed -ge 5 ] || fail "only $killed of 48 runs were killed"
