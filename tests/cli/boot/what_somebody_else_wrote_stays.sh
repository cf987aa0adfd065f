# shellcheck shell=bash
# shellcheck source=system.sh
. "${BASH_SOURCE%/*}/system.sh"
mkdir -p tree/etc/rbinfmt tree/etc/binfmt.d
printf '# mine\narchitectures = ["arm64"] # and no other\ncredentials = false\n' >tree/etc/rbinfmt/config.toml
echo ':mine:E::mine::/bin/true:' >"$conf"
files >before.txt
wants 1 enable s390x 2>err.txt
grep -q 'did not write.*changed since' err.txt && grep -q 'nothing was written' err.txt || fail "$(cat err.txt)"
as_before
rm "$conf"
files >before.txt
must enable s390x
printf '# mine\narchitectures = ["s390x"] # and no other\ncredentials = false\n' | diff - tree/etc/rbinfmt/config.toml ||
    fail 'the configuration'
grep -q ':P\?OF$' "$conf" || fail "$(cat "$conf")"
echo '# changed' >>"$unit"
wants 1 enable arm64 2>err.txt
must disable >out.txt
grep -q '^left /etc/systemd/system/rbinfmt.service' out.txt || fail "$(cat out.txt)"
rm "$unit"
rmdir tree/etc/systemd/system tree/etc/systemd
as_before
