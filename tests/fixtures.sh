#!/bin/bash
# Fetches what the live tests run: Debian's emulators, unpacked, and programs of other architectures.
# usage: tests/fixtures.sh [FOLDER]     once; a second run finds everything there and does nothing
#
#   FOLDER/qemu/qemu-ARCH-static     the emulators of bookworm
#   FOLDER/qemu-5.2/                 those of bullseye, which know nothing of flag P
#   FOLDER/ARCH/{busybox,bash}       static programs of ARCH
#   FOLDER/missing                   what could not be had, a line each
#
# It uses the machine's own apt configuration, in folders of its own: nothing is installed.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
TO=${1:-${RBINFMT_TEST_CACHE:-$HERE/.cache}}
FOREIGN=(arm64 armhf i386 mips64el ppc64el s390x)

mkdir -p "$TO"
TO=$(cd "$TO" && pwd)
exec 9>"$TO/lock"
flock 9
[ ! -e "$TO/complete" ] || exit 0

# Where this machine gets Debian from.
host_source() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$3 == "main" && $2 ~ /^(bullseye|bookworm|trixie|forky|sid|(old)*stable|testing|unstable)$/ { print $1; exit }'
}

# root SUITE ARCH...: apt folders for a suite; prints the configuration's path.
root() {
    local suite=$1 dir=$TO/apt/$1 keys=/usr/share/keyrings/debian-archive-keyring.gpg uri
    shift
    uri=$(host_source)
    [ -n "$uri" ] || { echo "no Debian source in this machine's apt configuration" >&2; return 1; }
    [ -e "$keys" ] || keys=
    mkdir -p "$dir"/{sources,state/lists/partial,cache/archives/partial}
    touch "$dir/state/status"
    echo "deb [${keys:+signed-by=$keys }arch=$(IFS=,; echo "$*")] $uri $suite main" >"$dir/sources.list"
    cat >"$dir/apt.conf" <<CONF
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "$dir/sources";
Dir::State "$dir/state";
Dir::State::status "$dir/state/status";
Dir::Cache "$dir/cache";
APT::Architecture "$1";
APT::Architectures { $(printf '"%s"; ' "$@")};
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::Check-Valid-Until "false";
CONF
    APT_CONFIG=$dir/apt.conf apt-get update -qq -o APT::Update::Error-Mode=any >&2 || return 1
    echo "$dir/apt.conf"
}

# package CONF NAME:ARCH FOLDER: downloads it and unpacks it there.
package() {
    local load=$3.load
    rm -rf "$load" "$3"
    mkdir -p "$load" "$3"
    (cd "$load" && APT_CONFIG=$1 apt-get download -qq "$2" >&2) || return 1
    dpkg-deb -x "$load"/*.deb "$3" || return 1
    rm -rf "$load"
}

# programs CONF ARCH: its busybox and bash.
programs() {
    local name dir=$TO/$2
    mkdir -p "$dir"
    for name in busybox bash; do
        [ ! -e "$dir/$name" ] || continue
        package "$1" "$name-static:$2" "$dir/unpacked" || { missing "$name of $2"; continue; }
        find "$dir/unpacked" -type f \( -name "$name" -o -name "$name-static" \) -exec mv {} "$dir/$name" \;
        rm -rf "$dir/unpacked"
    done
}

# emulators CONF FOLDER
emulators() {
    [ ! -e "$2" ] || return 0
    package "$1" qemu-user-static:amd64 "$2.unpacked" || return 1
    mv "$2.unpacked/usr/bin" "$2"
    rm -rf "$2.unpacked"
}

missing() {
    echo "$1" | tee -a "$TO/missing" >&2
}

: >"$TO/missing"
if conf=$(root bookworm amd64 "${FOREIGN[@]}"); then
    emulators "$conf" "$TO/qemu" || missing "Debian's qemu-user-static"
    for arch in "${FOREIGN[@]}"; do
        programs "$conf" "$arch"
    done
else
    missing "Debian's qemu-user-static and all programs of bookworm: no mirror can be reached"
fi
if conf=$(root trixie riscv64); then programs "$conf" riscv64; else missing "busybox and bash of riscv64"; fi
if conf=$(root bullseye amd64); then
    emulators "$conf" "$TO/qemu-5.2" || missing "QEMU 5.2"
else
    missing "QEMU 5.2"
fi
rm -rf "$TO/apt"
# What the first run did not get, a later one may.
[ -s "$TO/missing" ] || touch "$TO/complete"
