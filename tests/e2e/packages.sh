#!/bin/bash
# The packages, by the tools that will install them: into a fresh system, upgraded, removed, looked at.
# usage: tests/e2e/packages.sh DIR RBINFMT     DIR has them, and DIR/next those of a later version
#
# Needs rpm, mmdebstrap, root and a Debian mirror; says so and ends well where one is missing.
# With python3-rpm and PyPI rpmlint looks at the RPM too.
set -euo pipefail
DIR=$(realpath "${1:?usage: packages.sh DIR RBINFMT}")
RBINFMT=$(realpath "${2:?usage: packages.sh DIR RBINFMT}")
HERE=$(cd "$(dirname "$0")" && pwd)
FIXTURES=${RBINFMT_TEST_CACHE:-$HERE/../.cache}
TO=$FIXTURES/vm
mkdir -p "$TO"
. "$HERE/../apt.sh"
. "$HERE/machine.sh"
CONFIG=/etc/rbinfmt/config.toml

. "$HERE/../report.sh"
for program in rpm mmdebstrap; do
    command -v $program >/dev/null || skip - "$program is not installed"
done
[ "$(id -u)" = 0 ] || skip root 'only root can install a package'
system bookworm || skip - 'the system of bookworm could not be fetched'

top=
trap '[ -z "$top" ] || { umount "$top/proc" 2>/dev/null || true; rm -rf --one-file-system "$top"; }' EXIT
# fresh SUITE: a system in $top.
fresh() {
    if [ -n "$top" ]; then umount "$top/proc" 2>/dev/null || true; rm -rf --one-file-system "$top"; fi
    top=$(mktemp -d)
    tar -C "$top" -xf "$TO/$1/system.tar"
    mount -t proc proc "$top/proc"
    mkdir -p "$top/usr/lib/rbinfmt"
    cp "$FIXTURES/qemu/qemu-aarch64-static" "$top/usr/lib/rbinfmt/"
}
# All that bears our name, but for the emulators that lay there before and the package managers' own notes.
ours() {
    find "$top" -xdev -name '*rbinfmt*' ! -path "$top/usr/lib/rbinfmt" ! -path "$top/var/lib/dpkg/*" ! -path "$top/var/log/*"
}
enabled() { [ -L "$top/etc/systemd/system/multi-user.target.wants/rbinfmt.service" ] && [ -e "$top/etc/binfmt.d/rbinfmt.conf" ]; }

one() { find "$DIR$1" -maxdepth 1 -name "*.$2"; }
[ -n "$(one '' deb)" ] && [ -n "$(one /next rpm)" ] || skip - "there are no packages in $DIR"

echo "=== $(basename "$(one '' deb)")"
dpkg-deb --info "$(one '' deb)" | grep -E '^ (Version|Depends|Installed-Size|Conffiles)' || true
for suite in bookworm bullseye trixie; do
    system "$suite" || { skipped - "$suite could not be fetched"; continue; }
    fresh "$suite"
    cp "$(one '' deb)" "$top/old.deb"
    cp "$(one /next deb)" "$top/new.deb"
    chroot "$top" dpkg -i /old.deb >/dev/null || fail 'dpkg -i'
    [ "$(chroot "$top" rbinfmt -V)" = "rbinfmt $(chroot "$top" dpkg-query -W -f '${Version}' rbinfmt | cut -d- -f1)" ] ||
        fail 'the version'
    out=$(chroot "$top" systemd-analyze verify --man=no rbinfmt.service 2>&1 | grep -F rbinfmt || true)
    [ -z "$out" ] || fail "systemd-analyze verify, $suite: $out"
    ! enabled || fail 'the package has enabled it'
    "$RBINFMT" enable arm64 --offline --root "$top" >/dev/null
    enabled && [ ! -e "$top/etc/systemd/system/rbinfmt.service" ] && [ ! -e "$top/usr/local/bin/rbinfmt" ] || fail 'enable'
    echo '# mine' >>"$top$CONFIG"
    chroot "$top" dpkg -i /new.deb >/dev/null || fail 'upgrade'
    enabled && tail -n 1 "$top$CONFIG" | grep -qx '# mine' || fail 'the upgrade has lost something'
    chroot "$top" dpkg --remove rbinfmt >/dev/null || fail 'remove'
    ! enabled && [ -e "$top$CONFIG" ] && [ ! -e "$top/usr/bin/rbinfmt" ] || fail 'remove'
    chroot "$top" dpkg --purge rbinfmt >/dev/null || fail 'purge'
    [ -z "$(ours)" ] || fail "purge left $(ours)"
    ok "$suite: installed, enabled, upgraded with its configuration, removed, purged; the unit is sound for $(
        chroot "$top" systemctl --version | head -n 1)"
done

echo "=== $(basename "$(one '' rpm)")"
rpm -qp --qf '%{NAME} %{VERSION} %{ARCH}, payload %{PAYLOADCOMPRESSOR}\n' "$(one '' rpm)"
fresh bookworm
# The system's own packages are Debian's: nothing in it provides what every RPM system has.
into() { rpm --root "$top" --dbpath /var/lib/rpm "$@" 2> >(grep -v -e "use Alien" -e "know what you are doing" >&2); }
into --initdb
into -i --nodeps "$(one '' rpm)" || fail 'rpm -i'
out=$(into -V --nodeps rbinfmt) && [ -z "$out" ] || fail "rpm -V: $out"
requires=$(rpm -qp --requires "$(one '' rpm)" | grep -v -e '^rpmlib(' -e '^config(rbinfmt)' -e "^/bin/sh$" || true)
[ -z "$requires" ] || fail "it wants $requires"
"$RBINFMT" enable arm64 --offline --root "$top" >/dev/null && enabled || fail 'enable'
into -U --nodeps "$(one /next rpm)" || fail 'rpm -U'
enabled && grep -q 'architectures = \["arm64"\]' "$top$CONFIG" || fail 'the upgrade has lost something'
[ "$(into -q --qf '%{VERSION}' rbinfmt)" = 99.0.0 ] || fail 'the version'
into -e rbinfmt 2>/dev/null || fail 'rpm -e'
# What the administrator changed is saved by rpm.
rm "$top$CONFIG.rpmsave"
rmdir "$top/etc/rbinfmt" || fail 'rpm -e left more in /etc/rbinfmt'
! enabled && [ -z "$(ours)" ] || fail "rpm -e left $(ours)"
ok 'installed, verified, enabled, upgraded with its configuration, removed'

if /usr/bin/python3 -c 'import rpm' 2>/dev/null && [ -n "${RPMLINT:=$(command -v rpmlint || true)}" ]; then
    "$RPMLINT" --strict --config "$HERE/rpmlint.toml" "$(one '' rpm)" || fail rpmlint
    ok rpmlint
else
    skipped - 'rpmlint is not installed'
fi
