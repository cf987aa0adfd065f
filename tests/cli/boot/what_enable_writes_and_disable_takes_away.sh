# shellcheck shell=bash
# shellcheck source=system.sh
. "${BASH_SOURCE%/*}/system.sh"
must enable arm64 s390x --dry-run >out.txt
grep -q 'would write /etc/binfmt.d/rbinfmt.conf' out.txt || fail "$(cat out.txt)"
as_before
umask 077
must enable arm64 s390x >out.txt
[ "$(grep -c '^wrote ' out.txt)" = 5 ] || fail "$(cat out.txt)"
grep -qx 'architectures = \["arm64", "s390x"\]' tree/etc/rbinfmt/config.toml || fail 'config.toml'
grep -q '^:qemu-aarch64:M:.*:/usr/bin/qemu-aarch64-static:P\?OCF$' "$conf" || fail "$(cat "$conf")"
[ "$(grep -c '^:' "$conf")" = 2 ] || fail "$(cat "$conf")"
grep -qx 'ExecStart=/usr/local/bin/rbinfmt install --offline' "$unit" || fail "$(cat "$unit")"
link=tree/etc/systemd/system/multi-user.target.wants/rbinfmt.service
[ "$(readlink $link)" = /etc/systemd/system/rbinfmt.service ] || fail "$(readlink $link)"
[ "$(stat -c %a tree/usr/local/bin/rbinfmt "$unit" tree/etc/binfmt.d | tr '\n' ' ')" = '755 644 755 ' ] || fail modes
must enable arm64 s390x >out.txt
must enable >>out.txt
grep -q '^wrote' out.txt && fail "a second time: $(cat out.txt)"
must enable s390x >out.txt
[ "$(grep '^wrote' out.txt | tr '\n' ' ')" = 'wrote /etc/rbinfmt/config.toml wrote /etc/binfmt.d/rbinfmt.conf ' ] ||
    fail "$(cat out.txt)"
must disable --dry-run >out.txt
grep -qx 'would remove /usr/local/bin/rbinfmt' out.txt || fail "$(cat out.txt)"
rm tree/etc/rbinfmt/config.toml
must disable >out.txt
grep -qx 'removed /usr/local/bin/rbinfmt' out.txt || fail "$(cat out.txt)"
as_before
must disable
