# shellcheck shell=sh
if [ "$1" -eq 0 ]; then
    rm -rf /var/lib/rbinfmt
    # cargo-generate-rpm lists no directories. Where rpm has saved the administrator's configuration it stays.
    rmdir /etc/rbinfmt /usr/share/doc/rbinfmt /usr/share/licenses/rbinfmt 2>/dev/null || :
    [ ! -d /run/systemd/system ] || systemctl daemon-reload || :
fi
