# shellcheck shell=bash
mkdir from
cp "$EMULATORS/qemu-aarch64-static" from/
export RBINFMT_STORE=$PWD/above/store
for umask in 000 077; do
    umask $umask
    must rbinfmt fetch arm64 --from "$PWD/from"
    [ -z "$(find above -perm /022 ! -type l)" ] || fail "umask $umask: $(find above -perm /022 -ls)"
    modes=$(cd above && stat -c '%n %a' . store store/lock store/versions store/versions/*/qemu-aarch64 store/current.json)
    [ "$(cut -d' ' -f2 <<<"$modes" | tr '\n' ' ')" = '755 755 600 755 755 644 ' ] || fail "umask $umask: $modes"
    rm -r above
done
