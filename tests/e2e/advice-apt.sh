#!/bin/bash
# What the doctor tells users of Debian to install, installed: each command is taken from what it prints, and run as it is printed,
# in a root of Debian that is made for it, in a user namespace with a table of its own.
# usage: tests/e2e/advice-apt.sh [RBINFMT]     as root, which makes the namespace's users
set -uo pipefail
. "$(dirname "$0")/engine.sh"
. "$HERE/../apt.sh"
. "$HERE/namespace.sh"
. "$HERE/printed.sh"
RBINFMT=$(realpath "${1:-$HERE/../../target/debug/rbinfmt}")
SUITE=bookworm

if [ "${2-}" != inside ]; then
    [ "$(id -u)" = 0 ] || skip root 'only root can give a namespace the users of a system'
    [ -x "$RBINFMT" ] || skip - "there is no $RBINFMT"
    [ "$(uname -m)" = x86_64 ] || skip x86_64 'the programs are made for x86_64 here'
    need mmdebstrap musl-gcc jq
    TO=$WORK
    conf=$(root $SUITE amd64 i386 arm64) || skip - 'no mirror can be reached'
    mkdir "$WORK/programs"
    for arch in i386 arm64; do
        package "$conf" coreutils:$arch "$WORK/$arch" || skip - "coreutils of $arch could not be fetched"
        cp "$WORK/$arch/bin/true" "$WORK/programs/$arch"
    done
    echo 'int main(void) { return 0; }' | musl-gcc -x c -o "$WORK/programs/musl" - || fail 'musl-gcc'
    mmdebstrap --quiet --variant=apt --aptopt='Acquire::Languages "none"' --dpkgopt='path-exclude=/usr/share/'{doc,man,locale}'/*' \
        --skip=cleanup/apt/lists $SUITE "$WORK/root.tar" "$(host_source)" >"$WORK/out" 2>&1 || fail mmdebstrap
    again_inside "$HERE/advice-apt.sh" "$RBINFMT"
fi

begin_inside "$3"

rbinfmt() { chroot "$ROOT" /rbinfmt "$@"; }
# The answers to apt's questions are given before.
type_command() { DEBIAN_FRONTEND=noninteractive chroot "$ROOT" bash -c "$1"; }
# fresh NAME: a root with the programs in it.
fresh() {
    ROOT=$WORK/roots/$1
    mkdir "$ROOT"
    tar -C "$ROOT" --exclude='./dev/*' -xf "$WORK/root.tar"
    cp "$RBINFMT" "$ROOT/rbinfmt"
    cp "$WORK"/programs/* "$ROOT/"
    cp /etc/resolv.conf "$ROOT/etc/"
    echo 'APT::Get::Assume-Yes "true"; APT::Sandbox::User "";' >"$ROOT/etc/apt/apt.conf.d/yes"
    mount --rbind /proc "$ROOT/proc" # with the table
    local name
    for name in null zero full random urandom tty; do
        : >"$ROOT/dev/$name"
        mount --bind "/dev/$name" "$ROOT/dev/$name"
    done
}
starts() { chroot "$ROOT" "$@" >"$WORK/out" 2>&1; }
# What a user's shell says of it, with the command.
says() {
    echo "\$ $*"
    chroot "$ROOT" bash -c "$*" 2>&1
}

fresh first
! starts /i386 || fail 'i386 starts before'
printed file 'sudo dpkg --add-architecture {debian} && sudo apt-get update && sudo apt-get install libc6:{debian}' /i386 ||
    fail 'installing the loader of i386'
starts /i386 || fail 'i386'
ok 'the loader of another architecture is installed: its program starts'
! starts /musl || fail 'musl starts before'
printed file 'sudo apt-get install musl' /musl || fail 'installing musl'
starts /musl || fail musl
ok "musl's loader is installed: its program starts"

mkdir -p "$WORK/a/DEBIAN"
printf 'Package: a\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.invalid>\nDescription: a\n' >"$WORK/a/DEBIAN/control"
dpkg-deb -b "$WORK/a" "$ROOT/a.deb" >"$WORK/out" || fail dpkg-deb
printed file 'sudo apt-get install {local}' /a.deb || fail 'installing a package'
starts dpkg-query --show a || fail 'the package'
ok 'a package that was given as a program is installed'

cp "$CACHE/qemu/qemu-aarch64-static" "$ROOT/usr/bin/"
rbinfmt --private install arm64 >"$WORK/out" 2>&1 || fail 'install arm64'
! starts /arm64 || fail 'arm64 starts before'
printed file 'sudo apt-get install {package} && QEMU_LD_PREFIX=/usr/{gnu} {path}' /arm64 || fail 'installing the C library of arm64'
ok 'the C library for cross-building is installed: the emulator finds it'

fresh second
printed i386-loader-missing \
    'sudo dpkg --add-architecture i386 && sudo apt-get update && sudo apt-get install libc6:i386 libstdc++6:i386' \
    --message "$(says /i386)
bash: /i386: /lib/ld-linux.so.2: bad ELF interpreter: No such file or directory" || fail 'installing the libraries of i386'
starts /i386 || fail 'i386'
ok 'the libraries of i386 are installed: its program starts'

# Not installed: 300 MB. apt says what it would do.
echo 'APT::Get::Simulate "true";' >"$ROOT/etc/apt/apt.conf.d/simulate"
shown update-binfmts-unknown 'sudo apt-get install qemu-user-static binfmt-support' 'Inst qemu-user-static' \
    --message 'update-binfmts: warning: qemu-aarch64 not in database of installed binary formats.'
shown entry-looked-for 'sudo apt-get install qemu-user-static binfmt-support' 'Inst binfmt-support' \
    --message '==> arm: Failed to find binfmt_misc for /usr/bin/qemu-aarch64-static under /proc/sys/fs/binfmt_misc'
ok 'the packages of emulators are there'
