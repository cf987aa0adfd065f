# shellcheck shell=bash
# A system with systemd and two emulators; `files` lists it.
mkdir -p tree/usr/lib/systemd tree/usr/bin tree/etc
touch tree/usr/lib/systemd/systemd
cp "$EMULATORS/qemu-aarch64-static" "$EMULATORS/qemu-s390x-static" tree/usr/bin/
files() { (cd tree && find . -mindepth 1 | sort); }
files >before.txt
# shellcheck disable=SC2034 # for the scripts
conf=tree/etc/binfmt.d/rbinfmt.conf unit=tree/etc/systemd/system/rbinfmt.service
enable() { rbinfmt enable --offline --root "$PWD/tree" "$@"; }
disable() { rbinfmt disable --root "$PWD/tree" "$@"; }
as_before() { files | diff before.txt - >&2 || fail 'not as before'; }
