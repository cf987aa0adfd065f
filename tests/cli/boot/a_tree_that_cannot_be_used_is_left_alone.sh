# shellcheck shell=bash
# shellcheck source=system.sh
. "${BASH_SOURCE%/*}/system.sh"
refused() { wants "$1" enable ${2:+"$2"} 2>err.txt; grep -q "$3" err.txt || fail "$(cat err.txt)"; as_before; }
wants 1 enable hexagon 2>err.txt
grep -q offline err.txt || fail "$(cat err.txt)"
# It made a store.
must disable
as_before
refused 2 arm46 'did you mean arm64'
refused 2 '' 'name architectures'
rm tree/usr/lib/systemd/systemd
files >before.txt
refused 1 arm64 'no systemd'
touch tree/usr/lib/systemd/systemd
mkdir outside
ln -s "$PWD/outside" tree/etc/binfmt.d
wants 1 enable arm64 2>err.txt
grep -q 'out of' err.txt || fail "$(cat err.txt)"
[ -z "$(ls outside)" ] || fail 'something was written outside'
must disable
rm tree/etc/binfmt.d
files >before.txt
mkdir -p tree/var/lib/rbinfmt
chmod 777 tree/var/lib/rbinfmt
wants 1 enable --from "$EMULATORS" arm64 2>err.txt
grep -qF "$PWD/tree/var/lib/rbinfmt can be written by everybody" err.txt || fail "$(cat err.txt)"
[ -z "$(find tree/var/lib/rbinfmt -type f)" ] || fail 'something was written to the store'
must disable
rm -r tree/var
as_before
mount --bind tree/etc tree/etc && mount -o remount,bind,ro tree/etc
refused 1 arm64 'its /etc cannot be written'
umount tree/etc
mkdir -p tree/usr/local/bin
mount --bind tree/usr tree/usr && mount -o remount,bind,ro tree/usr
must enable arm64
grep -qx 'ExecStart=/var/lib/rbinfmt/bin/rbinfmt install --offline' "$unit" || fail "$(cat "$unit")"
[ -x tree/var/lib/rbinfmt/bin/rbinfmt ] || fail 'the program'
# What an earlier run announced and never wrote is forgotten.
sed -i 's|"files": {|&\n"/usr/local/bin/rbinfmt": "00",|' tree/etc/rbinfmt/enabled.json
must enable arm64
grep -q /var/lib/rbinfmt/bin/rbinfmt tree/etc/rbinfmt/enabled.json || fail "$(cat tree/etc/rbinfmt/enabled.json)"
! grep -q /usr/local/bin/rbinfmt tree/etc/rbinfmt/enabled.json || fail "$(cat tree/etc/rbinfmt/enabled.json)"
