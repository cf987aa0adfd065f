# shellcheck shell=bash
# What the scripts of this directory share: pinned Debian packages in a temporary directory, and the comparison at the end.
# From there come $QEMU (the emulator of this machine's own architecture) and $BUSYBOX.
set -euo pipefail
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# packages NAME=VERSION...: downloads and unpacks them below $WORK/root.
packages() {
    (cd "$WORK" && apt-get download -qq "$@" 2>"$WORK/apt" || { cat "$WORK/apt" >&2; exit 3; })
    local deb
    for deb in "$WORK"/*.deb; do dpkg -x "$deb" "$WORK/root"; done
    rm "$WORK"/*.deb
}

packages 'qemu-user-static=1:7.2+dfsg-7+deb12u18+b3' 'busybox-static=1:1.35.0-4+deb12u1+b1'
# shellcheck disable=SC2034 # for the scripts
QEMU=$WORK/root/usr/bin/qemu-$(uname -m)-static BUSYBOX=$WORK/root/bin/busybox

# program NAME: C on standard input as a static program, $WORK/NAME.
program() { cc -O1 -static -x c -o "$WORK/$1" -; }

# same WHAT SEEN NOW: ends with 1 where what was seen is not what happens any more.
same() {
    printf '%s: %s\n' "$1" "$3"
    [ "$2" = "$3" ] || { echo "changed: it was $2" >&2; exit 1; }
}

# with_table COMMAND...: in a user namespace with a binfmt_misc table of its own (Linux 6.7), in $WORK.
with_table() {
    # shellcheck disable=SC2016 # the inner shell's own
    unshare --user --map-root-user --mount sh -ec 'cd "$0"; mount -t binfmt_misc none /proc/sys/fs/binfmt_misc; "$@"' "$WORK" "$@"
}

# use_update_binfmts: fetches binfmt-support 2.2.2 of Debian 12; ./formats is its update-binfmts with directories of its own.
use_update_binfmts() {
    packages 'binfmt-support=2.2.2-2' 'libpipeline1=1.5.7-1'
    mkdir "$WORK/admin" "$WORK/import"
    cat >"$WORK/formats" <<'SH'
#!/bin/sh
LD_LIBRARY_PATH=$PWD/root/usr/lib/x86_64-linux-gnu exec root/usr/sbin/update-binfmts \
    --admindir "$PWD/admin" --importdir "$PWD/import" "$@"
SH
    chmod +x "$WORK/formats"
}

# use_buildah: fetches what the two functions below run, buildah 1.28.2 of Debian 12 with a store below $WORK; a Containerfile is there.
use_buildah() {
    packages 'buildah=1.28.2+ds1-3+deb12u1+b3' 'libgpgme11=1.18.0-3+deb12u1' 'libassuan0=2.5.5-5' \
        'libdevmapper1.02.1=2:1.02.185-2' 'golang-github-containers-common=0.50.1+ds1-4'
    local lib=x86_64-linux-gnu
    export LD_LIBRARY_PATH=$WORK/root/lib/$lib:$WORK/root/usr/lib/$lib CONTAINERS_REGISTRIES_CONF=/dev/null
    echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$WORK/policy.json"
    : >"$WORK/file"
    printf 'FROM scratch\nCOPY file /\n' >"$WORK/Containerfile"
}
buildah() {
    "$WORK/root/usr/bin/buildah" --storage-driver vfs --root "$WORK/store" --runroot "$WORK/run" "$@"
}
# build FLAG...: the Containerfile, as the image "it".
build() { buildah build --signature-policy "$WORK/policy.json" -q "$@" -t it "$WORK" >/dev/null; }
