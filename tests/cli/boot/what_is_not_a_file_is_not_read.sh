# shellcheck shell=bash
# A tree is anybody's: where rbinfmt reads there may be a pipe, or a file without end.
# ends COMMAND...: soon, in bounded memory, whatever it says.
ends() {
    local got=0
    (ulimit -v 1000000 && timeout 30 "$@") >out.txt 2>err.txt || got=$?
    [ $got -lt 4 ] && ! grep -q panicked err.txt || fail "$*, $path, $kind: $got, $(cat err.txt)"
}
for path in etc/rbinfmt/{enabled.json,config.toml} etc/binfmt.d/rbinfmt.conf etc/systemd/system/rbinfmt.service \
    var/lib/rbinfmt/{current.json,lock,versions/x/manifest.json} usr/bin/qemu-aarch64-static etc/apt/sources.list; do
    for kind in pipe endless; do
        rm -rf tree
        # shellcheck source=system.sh
        . "${BASH_SOURCE%/*}/system.sh"
        mkdir -p "tree/${path%/*}"
        rm -f "tree/$path"
        if [ $kind = pipe ]; then mkfifo "tree/$path"; else truncate -s 1T "tree/$path"; fi
        ends rbinfmt enable --offline --root "$PWD/tree" arm64
        ends rbinfmt enable --offline --root "$PWD/tree" hexagon
        ends rbinfmt disable --root "$PWD/tree"
        # What rbinfmt did not write stays.
        [ -p "tree/$path" ] || [ $kind = endless ] || fail "$path is gone"
    done
done
# An emulator may be a link, which means what it means in the tree.
rm -rf tree
# shellcheck source=system.sh
. "${BASH_SOURCE%/*}/system.sh"
mkdir tree/opt
mv tree/usr/bin/qemu-aarch64-static tree/opt/emulator
ln -s /opt/emulator tree/usr/bin/qemu-aarch64-static
must enable arm64
grep -q ':/usr/bin/qemu-aarch64-static:' "$conf" || fail "$(cat "$conf")"
must disable
ln -sf "$EMULATORS/qemu-aarch64-static" tree/usr/bin/
wants 1 enable arm64 2>err.txt
