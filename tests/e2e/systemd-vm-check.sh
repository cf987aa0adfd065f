#!/bin/bash
# Runs in a machine of systemd-vm.sh once it is up; `check=N` on the kernel's command line says which boot this is.
table=/proc/sys/fs/binfmt_misc
part=$(grep -oE 'check=[0-9]' /proc/cmdline | cut -d= -f2)

ok() { echo "ok: $*"; }
fail() { echo "FAILED: $*"; cat /tmp/out 2>/dev/null; }
foreign() { [ "$("/foreign/$1/busybox" uname -m 2>&1)" = "$2" ]; }
both() { foreign arm64 aarch64 && foreign s390x s390x; }
neither() { ! foreign arm64 aarch64 && ! foreign s390x s390x; }
triggered() { grep -q " $table binfmt_misc " /proc/mounts; }
unit() { [ "$(systemctl show -p "$1" rbinfmt.service)" = "$1=$2" ]; }
left() { find /etc /usr /var -xdev -name '*rbinfmt*' ! -path '/usr/lib/rbinfmt' ! -path '/var/lib/dpkg/*'; }
# A container: its own root, mounts, processes and /proc, and the host's tree on /host.
container() {
    unshare -m -p -f --propagation private sh -c '
        mount --bind /container /container && mount --rbind / /container/host && cd /container &&
        mount -t proc proc proc && mount -t sysfs sysfs sys && mount --rbind /dev dev &&
        pivot_root . old && exec /busybox chroot . /busybox sh -c "/busybox umount -l /old && exec \"\$@\"" sh "$@"' sh "$@"
}

first_boot() {
    triggered && fail 'something has mounted the table already'
    neither || fail 'a foreign program runs before anything is done'
    dpkg -i /root/rbinfmt.deb >/tmp/out 2>&1 || fail 'installing the package'
    systemctl is-enabled rbinfmt.service >/tmp/out 2>&1 && fail 'the package has enabled the unit'
    cp /etc/rbinfmt/config.toml /tmp/config.toml
    rbinfmt enable arm64 s390x >/tmp/out 2>&1 && both && ok 'enabled: it runs now' || fail 'enable'
    systemctl is-enabled rbinfmt.service >/tmp/out 2>&1 && unit ActiveState active && ok 'the unit is enabled and active' ||
        fail 'the unit'
    rbinfmt enable arm64 s390x >/tmp/out 2>&1 && ! grep -q wrote /tmp/out || fail 'a second time'
    rbinfmt install arm64 --persist >/tmp/out 2>&1
    [ $? = 2 ] && grep -q 'rbinfmt enable' /tmp/out || fail '--persist on the host itself'
    diff /tmp/config.toml /etc/rbinfmt/config.toml >/tmp/out
    [ "$(grep -c '^[<>]' /tmp/out)" = 2 ] || fail 'more of the configuration was changed'
}

second_boot() {
    both && ok 'after a reboot it runs' || fail 'after a reboot'
    unit ActiveState active && unit Result success || { systemctl status rbinfmt.service >/tmp/out 2>&1; fail 'the unit'; }
    [ "$(systemctl show -p ActiveState systemd-binfmt.service)" = ActiveState=active ] || fail 'systemd-binfmt read nothing'
    systemctl restart systemd-binfmt.service >/tmp/out 2>&1 || fail 'systemctl restart systemd-binfmt'
    both && ok 'systemd-binfmt was restarted: the entries are there' || fail 'the entries after systemd-binfmt'
    rbinfmt status >/tmp/out 2>&1 && ok 'and healthy' || fail 'status after systemd-binfmt'
    systemctl reload rbinfmt.service >/tmp/out 2>&1 && both || fail 'reload'

    cp /etc/rbinfmt/config.toml /tmp/config.toml
    echo 'architectures = ["arm64"]' >/etc/rbinfmt/config.toml
    systemctl reload rbinfmt.service >/tmp/out 2>&1 && foreign arm64 aarch64 && ! foreign s390x s390x &&
        ! grep -q s390x /etc/binfmt.d/rbinfmt.conf && ok 'a changed configuration is reloaded' || fail 'reload with arm64 alone'
    cp /tmp/config.toml /etc/rbinfmt/config.toml
    systemctl reload rbinfmt.service >/tmp/out 2>&1 && both && grep -q s390x /etc/binfmt.d/rbinfmt.conf || fail 'reload with both'

    echo 'architectures = ["arm64", "s39' >/etc/rbinfmt/config.toml
    systemctl reload rbinfmt.service >/tmp/out 2>&1 && fail 'half a configuration was taken'
    both || fail 'half a configuration changed the table'
    systemctl restart rbinfmt.service >/tmp/out 2>&1 && fail 'half a configuration was taken'
    journalctl -u rbinfmt.service -n 20 --no-pager >/tmp/out 2>&1
    unit ExecMainStatus 2 && grep -q 'config.toml:1' /tmp/out && ok 'half a configuration: the unit fails with 2 and the line' ||
        fail 'half a configuration'
    cp /tmp/config.toml /etc/rbinfmt/config.toml

    systemctl stop systemd-binfmt.service proc-sys-fs-binfmt_misc.automount proc-sys-fs-binfmt_misc.mount >/dev/null 2>&1
    while umount $table 2>/dev/null; do :; done
    rmmod binfmt_misc || fail 'the module stays'
    echo /bin/false >/proc/sys/kernel/modprobe
    systemctl start rbinfmt.service >/tmp/out 2>&1 && fail 'without the module it started'
    journalctl -u rbinfmt.service -n 20 --no-pager >/tmp/out 2>&1
    unit Result exit-code && grep -q 'modprobe binfmt_misc' /tmp/out && ok 'without the module: the unit fails and says why' ||
        fail 'without the module'
    echo /sbin/modprobe >/proc/sys/kernel/modprobe
    # The automount is not there, the module is not loaded, and nobody has mounted the table.
    systemctl start rbinfmt.service >/tmp/out 2>&1 && both && triggered && ok 'with it, it starts and mounts the table' ||
        fail 'with the module again'

    rbinfmt disable >/tmp/out 2>&1 && neither && ok 'disabled: nothing runs' || fail 'disable'
    [ -e /etc/binfmt.d/rbinfmt.conf ] && fail 'disable left the lines'
    systemctl is-enabled rbinfmt.service >/tmp/out 2>&1 && fail 'disable left the link'
    unit ActiveState inactive || fail 'the unit after disable'
    rbinfmt install arm64 s390x >/tmp/out 2>&1
    # printed binfmt-not-persistent 'rbinfmt enable {arch}': --fix says that it runs it.
    rbinfmt doctor --no-engines --fix >/tmp/out 2>&1 && both || fail 'the doctor, of entries that nothing makes again'
    grep -qx -e '--fix: rbinfmt enable arm64,s390x' /tmp/out && unit ActiveState active && [ -e /etc/binfmt.d/rbinfmt.conf ] &&
        ok 'the doctor has made it last' || fail 'what the doctor did of entries that nothing makes again'
    dpkg --purge rbinfmt >/tmp/out 2>&1 && neither || fail 'purge'
    left >/tmp/out
    [ ! -s /tmp/out ] && ok 'the package is purged: nothing is left, nothing runs' || fail 'purge left'

    while umount $table 2>/dev/null; do :; done
    systemctl restart proc-sys-fs-binfmt_misc.automount
    triggered && fail 'the automount is triggered'
    mv /usr/lib/rbinfmt /root/emulators
    container /rbinfmt --install all --persist >/tmp/out 2>&1 && both && ok 'a container has installed it, and is gone' ||
        fail 'install --persist'
    cat /tmp/out
    [ "$(stat -c '%a %U' /usr/local/bin/rbinfmt)" = '755 root' ] || fail 'the program'
}

# What the doctor says of a machine with systemd, done.
advice() {
    rbinfmt() { /container/rbinfmt "$@"; }
    # shellcheck source=tests/e2e/printed-vm.sh
    . /usr/local/lib/printed.sh
    failed() { [ "$(systemctl show -p Result systemd-binfmt.service)" != Result=success ]; }

    while umount $table 2>/dev/null; do :; done
    systemctl restart proc-sys-fs-binfmt_misc.automount
    triggered && fail 'the automount is triggered'
    printed binfmt-automount-untriggered 'sudo systemctl start proc-sys-fs-binfmt_misc.mount' --no-engines && triggered &&
        ! named binfmt-automount-untriggered --no-engines && ok 'the automount is triggered' || fail 'the automount'

    mkdir -p /etc/binfmt.d
    echo ':broken:X:0:aa::/bin/true:' >/etc/binfmt.d/broken.conf
    systemctl restart systemd-binfmt.service >/tmp/out 2>&1 && fail 'a line that no kernel accepts was accepted'
    failed || fail 'systemd-binfmt has not failed'
    shown binfmt-emulator-failed-boot 'journalctl -b -u systemd-binfmt' 'binary format' --no-engines
    : >/etc/binfmt.d/broken.conf
    printed binfmt-emulator-failed-boot 'sudo systemctl restart systemd-binfmt' --no-engines && ! failed &&
        ok 'systemd-binfmt has failed, and works once its file is corrected' || fail 'systemd-binfmt'
    rm /etc/binfmt.d/broken.conf

    printf '[Service]\nType=oneshot\nExecStart=/foreign/s390x/busybox true\n' >/run/systemd/system/tool.service
    systemctl daemon-reload
    systemctl start tool.service >/tmp/out 2>&1 && fail 'a service of another architecture was started'
    NAME=tool shown systemd-203-exec 'journalctl -b -u NAME -n 20' 'Exec format error' \
        --message "$(systemctl status tool.service | grep -o 'code=exited, status=203/EXEC' | head -n 1)" &&
        ok 'why a service was not started'

    printed file 'sudo mount -o loop,ro {path} /mnt' /images/ext4 && [ -e /mnt/systemd-vm.sh ] && umount /mnt &&
        ok 'a file system is mounted' || fail 'mounting a file system'
    printed file 'sudo losetup -rfP --show {path}' /images/disk && mount -o ro "$(cat /tmp/out)p1" /mnt &&
        [ -e /mnt/systemd-vm.sh ] && umount /mnt && ok "a disk's file systems are there" || fail 'a disk'
}

third_boot() {
    both && ok 'after a reboot what the container installed runs' || fail 'after a reboot'
    unit ActiveState active && unit Result success || { systemctl status rbinfmt.service >/tmp/out 2>&1; fail 'the unit'; }
    rbinfmt status >/tmp/out 2>&1 && ok 'and is healthy' || fail 'status'
    container /rbinfmt install arm64 --persist >/tmp/out 2>&1 && foreign arm64 aarch64 && ! foreign s390x s390x &&
        ok 'a container has changed what is wanted' || fail 'install arm64 --persist'
    container /rbinfmt disable --persist >/tmp/out 2>&1 && neither && ok 'a container has undone it' || fail 'disable --persist'
    left >/tmp/out
    [ ! -s /tmp/out ] && ok 'nothing is left of it' || fail 'disable --persist left'
    advice
}

echo
echo "machine: $(uname -r), $(systemctl --version | head -n 1), up for $(cut -d' ' -f1 /proc/uptime) s"
case $part in
    1) first_boot ;;
    2) second_boot ;;
    3) third_boot ;;
esac
sync
echo "done $part"
