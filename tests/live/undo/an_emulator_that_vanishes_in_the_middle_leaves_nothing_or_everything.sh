# shellcheck shell=bash
mkdir here
cp "$EMULATORS/qemu-s390x-static" here/
cp "$EMULATORS/qemu-aarch64-static" there
(until [ -e stop ]; do mv there here/qemu-aarch64-static; mv here/qemu-aarch64-static there; done) 2>/dev/null &
loop=$!
for n in {1..40}; do
    if rbinfmt install s390x arm64 --no-verify --emulators "$PWD/here" >out.txt 2>&1; then
        want='qemu-aarch64 qemu-s390x '
    elif grep -q '^error: registering qemu-aarch64' out.txt; then
        want=
    else
        # It was not there from the first look on: s390x alone.
        want='qemu-s390x '
    fi
    [ "$(names | tr '\n' ' ')" = "$want" ] || fail "run $n left $(names): $(cat out.txt)"
    must rb uninstall 'qemu-*' >/dev/null
done
touch stop
wait $loop
