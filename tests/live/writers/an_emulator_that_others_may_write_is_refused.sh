# shellcheck shell=bash
mkdir -p outer/here
cp "$EMULATORS/qemu-aarch64-static" outer/here/
ln -s outer/here link
# refused OPTION...: whatever is asked, nothing is registered.
refused() {
    for way in '' --force --no-verify --no-credentials '--keep mount'; do
        # shellcheck disable=SC2086 # words
        wants 1 rbinfmt install arm64 --emulators "$PWD/link" $way >out.txt
        grep -q "failed .*is not root's alone, and would run with root's rights: .*$1" out.txt || fail "$way: $(cat out.txt)"
        [ -z "$(names)" ] || fail "$(names)"
    done
    wants 1 rbinfmt install all --emulators "$PWD/link" >out.txt
    wants 1 rbinfmt install arm64 --emulators "$PWD/link" --dry-run >out.txt
    wants 1 rbinfmt --install arm64 --emulators "$PWD/link" >out.txt 2>err.txt
    grep -q "installing: arm64 .*is not root's alone" err.txt || fail "$(cat err.txt)"
    [ -z "$(names)" ] || fail "$(names)"
}
for path in outer outer/here outer/here/qemu-aarch64-static; do
    chmod o+w $path
    refused "$path can be written by everybody"
    chmod o-w,g+w $path
    refused "$path can be written by group 0"
    chmod g-w $path
done
must rbinfmt install arm64 --emulators "$PWD/link"
must "$FIXTURES/arm64/busybox" true
