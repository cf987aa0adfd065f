# shellcheck shell=bash
mkdir -p open from
cp "$EMULATORS/qemu-aarch64-static" from/
export RBINFMT_STORE=$PWD/open/store
must rbinfmt fetch arm64 --from "$PWD/from"
for path in open open/store; do
    chmod 777 $path
    wants 1 rbinfmt fetch s390x --from "$PWD/from" 2>err.txt
    grep -q "changing the store $RBINFMT_STORE: $PWD/$path can be written by everybody" err.txt || fail "$(cat err.txt)"
    grep -q "help: .chown root:root $PWD/$path; chmod go-w $PWD/$path" err.txt || fail "$(cat err.txt)"
    wants 1 rbinfmt emulators gc 2>err.txt
    wants 1 rbinfmt install arm64 >out.txt
    grep -q "is not root's alone" out.txt || fail "$(cat out.txt)"
    [ -z "$(names)" ] || fail "$(names)"
    chmod 755 $path
done
must rbinfmt install arm64
