#!/bin/bash
# Debian of another architecture, made by mmdebstrap and by debootstrap, and used: apt-get, su, sudo, systemd-nspawn. All
# of it in a user namespace with a table of its own: the machine's stays as it is.
# usage: tests/e2e/roots.sh [RBINFMT]     as root, which makes the namespace's users
set -uo pipefail
. "$(dirname "$0")/engine.sh"
. "$HERE/../apt.sh"
. "$HERE/namespace.sh"
RBINFMT=$(realpath "${1:-$HERE/../../target/debug/rbinfmt}")
KEYS=/usr/share/keyrings/debian-archive-keyring.gpg
DEBS=$CACHE/roots # what was downloaded
SUITE=bookworm

if [ "${2-}" != inside ]; then
    [ "$(id -u)" = 0 ] || skip root 'only root can give a namespace the users of a system'
    [ -x "$RBINFMT" ] || skip - "there is no $RBINFMT"
    [ -x "$CACHE/qemu/qemu-aarch64-static" ] || skip - 'there is no emulator of arm64: tests/fixtures.sh fetches it'
    [ -e $KEYS ] || skip - "there is no $KEYS"
    need mmdebstrap debootstrap arch-test
    [ -n "$(host_source)" ] || skip - "no Debian source in this machine's apt configuration"
    mkdir -p "$DEBS"/{mmdebstrap,debootstrap}
    again_inside "$HERE/roots.sh" "$RBINFMT"
fi

begin_inside "$3"
URI=$(host_source)
URI=${URI%/}
rbinfmt() { "$RBINFMT" "$@" --private --emulators "$CACHE/qemu" >"$WORK/out" 2>&1; }
# A namespace's root makes no devices: some of the machine's are lent, one by one. The whole directory never is: what removes
# a root would remove the machine's devices.
devices() {
    local name
    mkdir -p "$1/dev"
    for name in null zero full random urandom tty; do
        [ -e "$1/dev/$name" ] || : >"$1/dev/$name"
        mount --bind "/dev/$name" "$1/dev/$name"
    done
}

small=(--dpkgopt='path-exclude=/usr/share/'{doc,man,locale}'/*' --aptopt='Acquire::Languages "none"')
with_mmdebstrap() {
    mmdebstrap --mode=root --arch=arm64 --variant=apt "${small[@]}" "$@" $SUITE "$WORK/roots/mmdebstrap" \
        "deb [signed-by=$KEYS] $URI $SUITE main" "deb [signed-by=$KEYS] $URI $SUITE-updates main"
}
# With what was downloaded before; the lists stay, so that the emulated apt-get does not read them all once more.
make_mmdebstrap() {
    with_mmdebstrap --skip=download/empty,essential/unlink,cleanup/apt/lists \
        --setup-hook='mkdir -p "$1/var/cache/apt/archives"' \
        --setup-hook="sync-in $DEBS/mmdebstrap /var/cache/apt/archives" \
        --customize-hook="sync-out /var/cache/apt/archives $DEBS/mmdebstrap"
}
# debootstrap makes devices, but not in what it takes for an LXC container.
make_debootstrap() {
    container=lxc debootstrap --foreign --arch=arm64 --variant=minbase --cache-dir="$DEBS/debootstrap" --keyring=$KEYS \
        $SUITE "$WORK/roots/debootstrap" "$URI" &&
        container=lxc chroot "$WORK/roots/debootstrap" /debootstrap/debootstrap --second-stage
}
# timed NAME COMMAND...: in the background, its output in $WORK/NAME.
timed() {
    local name=$1 from=$SECONDS
    shift
    "$@" >"$WORK/$name" 2>&1 || return 1
    echo "$name: $((SECONDS - from)) s"
}
failed() { cp "$WORK/$1" "$WORK/out"; fail "$1"; }

mmdebstrap --version
debootstrap --version
! with_mmdebstrap >"$WORK/out" 2>&1 && grep -q 'arm64 can neither be executed natively nor via qemu' "$WORK/out" ||
    fail 'mmdebstrap before'
rbinfmt install arm64 || fail 'install arm64'
cat "$WORK/out"
[ "$(arch-test arm64)" = 'arm64: ok' ] || fail 'arch-test'
! arch-test --native arm64 >"$WORK/out" || fail 'arch-test takes the emulator for the machine'
ok 'arch-test is content with the entry, and tells it from the machine'

timed mmdebstrap make_mmdebstrap &
first=$!
timed debootstrap make_debootstrap &
wait $first || failed mmdebstrap
wait $! || failed debootstrap
grep -q 'transparently using qemu-user binfmt emulation' "$WORK/mmdebstrap" || failed mmdebstrap
for root in "$WORK"/roots/*; do
    devices "$root"
    [ "$(chroot "$root" sh -c 'dpkg --print-architecture; uname -m | cat')" = $'arm64\naarch64' ] || fail "what $root is"
    [ -z "$(chroot "$root" dpkg --audit)" ] || fail "$root is half made"
    [ -z "$(find "$root" -xdev -name 'qemu-*')" ] || fail "an emulator is in $root"
    [ "$(arch-test --chroot "$root" arm64)" = 'arm64: ok' ] || fail "arch-test --chroot $root"
done
ok 'mmdebstrap makes a root, debootstrap another in two stages; no emulator is in them'

root=$WORK/roots/mmdebstrap
mount -t proc proc "$root/proc"
from=$SECONDS
inside() { DEBIAN_FRONTEND=noninteractive chroot "$root" "$@" >"$WORK/out" 2>&1; }
inside apt-get -q -o APT::Update::Error-Mode=any update || fail 'apt-get update'
inside apt-get -q -y --no-install-recommends install sudo || fail 'apt-get install sudo'
echo "apt-get: $((SECONDS - from)) s"
ok 'apt-get update and apt-get install in the foreign root'
echo 'nobody ALL=(ALL) NOPASSWD:ALL' >"$root/etc/sudoers.d/nobody"
[ "$(chroot "$root" su -s /bin/sh nobody -c 'id -u; sudo -n id -u' 2>"$WORK/out")" = $'65534\n0' ] || fail 'su and sudo'
ok 'su makes a user of root, sudo root of the user'

nspawn() {
    unshare --mount sh -c 'mount -t tmpfs tmpfs /run && exec systemd-nspawn "$@"' nspawn \
        --quiet --pipe --register=no --keep-unit --private-network --directory "$root" "$@" 2>"$WORK/out" </dev/null
}
if command -v systemd-nspawn >/dev/null; then
    systemd-nspawn --version | head -n 1
    [ "$(nspawn sh -c 'uname -m | cat; echo "$container"')" = $'aarch64\nsystemd-nspawn' ] || fail 'systemd-nspawn'
    ok 'systemd-nspawn runs a program of the foreign root'
else
    skipped - 'systemd-nspawn is not installed'
fi
rbinfmt uninstall all || fail 'uninstall all'
! arch-test arm64 >"$WORK/out" || fail 'arm64 after uninstall'
ok 'after uninstall nothing is left'
