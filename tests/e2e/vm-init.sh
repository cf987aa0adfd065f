#!/bin/busybox sh
# shellcheck shell=dash disable=SC2086 # $emulators is words
# Process 1 of a machine that is only for this: the host, containers, and no user namespaces. See vm.sh.
/bin/busybox --install -s /bin
export PATH=/bin:/sbin
ln -s /bin/busybox /sbin/modprobe
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
table=/proc/sys/fs/binfmt_misc
emulators='--emulators /emulators'

ok() { echo "ok: $*"; }
fail() { echo "FAILED: $*"; cat /tmp/out; }
. /printed.sh
foreign() { [ "$(/bin/busybox-arm64 uname -m 2>/dev/null)" = aarch64 ]; }
mounted() { grep -q " $table binfmt_misc " "/proc/${1:-self}/mounts"; }
# A container: mounts, processes and /proc of its own. And one that shares the processes.
container() { unshare -m -p -f --mount-proc "$@" >/tmp/out 2>&1; }
with_host_pids() { unshare -m "$@" >/tmp/out 2>&1; }
gone() { ! foreign && ! unshare -m sh -c "mount -t binfmt_misc none $table 2>/dev/null; ls $table" | grep -qvx -e status -e register; }

echo "kernel $(uname -r)"
foreign && fail 'a foreign program runs before anything is done'
[ ! -e $table/status ] || fail 'the table is mounted'

# What the doctor says of a kernel, done.
printed binfmt-kernel-missing 'sudo modprobe binfmt_misc' --no-engines && ! named binfmt-kernel-missing --no-engines &&
    ok 'the module is loaded' || fail 'modprobe'
rmmod binfmt_misc
printed file 'sudo insmod {path}' "/lib/modules/$(uname -r)/kernel/fs/binfmt_misc.ko" && grep -q '^binfmt_misc ' /proc/modules &&
    ok 'a module that was given as a program is loaded' || fail 'insmod'
rmmod binfmt_misc
echo 32 >/proc/sys/vm/mmap_rnd_bits
printed aslr-mmap-rnd-bits 'sudo sysctl -w vm.mmap_rnd_bits=28' --no-engines && ! named aslr-mmap-rnd-bits --no-engines &&
    ok 'addresses are less random' || fail 'vm.mmap_rnd_bits'
random() { [ "$(grep stack /proc/self/maps)" != "$(grep stack /proc/self/maps)" ]; }
random || fail 'addresses are not random'
printed qemu-segv-libc-bin 'sudo sysctl -w kernel.randomize_va_space=0' --message \
    'qemu: uncaught target signal 11 (Segmentation fault) - core dumped' && ! random && ok 'addresses are not random' ||
    fail 'kernel.randomize_va_space'
echo 2 >/proc/sys/kernel/randomize_va_space
if [ -e /proc/sys/kernel/unprivileged_userns_clone ]; then
    user() { setpriv --reuid=65534 --regid=65534 --clear-groups unshare -U true; }
    echo 0 >/proc/sys/kernel/unprivileged_userns_clone
    printed userns-disabled 'sudo sysctl -w kernel.unprivileged_userns_clone=1' --no-engines && ! named userns-disabled --no-engines &&
        ok 'users make user namespaces' || fail 'kernel.unprivileged_userns_clone'
fi

rbinfmt status >/tmp/out 2>&1 || fail 'status on a host that has no table'
mounted && fail 'status left the table mounted'

rbinfmt install arm64 $emulators >/tmp/out 2>&1 && foreign && mounted && ok 'the host: the module is loaded, the table mounted and left so' ||
    fail 'install on the host'
rbinfmt status $emulators >/tmp/out 2>&1 || fail 'status on the host'
rbinfmt install arm64 $emulators >/tmp/out 2>&1 && grep -q kept /tmp/out || fail 'a second run'
echo 0 >$table/qemu-aarch64
rbinfmt install arm64 $emulators >/tmp/out 2>&1 && foreign && ok 'the host: a disabled entry is enabled' || fail 'enable'
container rbinfmt uninstall arm64 $emulators && gone && ok 'a container removes what the host has' || fail 'uninstall from a container'
container rbinfmt install arm64 $emulators && foreign && ok 'a container on a host with the table mounted' || fail 'container, mounted'
rbinfmt uninstall all $emulators >/tmp/out 2>&1 && gone || fail 'uninstall on the host'
umount $table

container rbinfmt install arm64 $emulators && foreign && ok "a container that is gone: $(tail -n 1 /tmp/out)" || fail 'container, not mounted'
mounted 1 && fail 'a container mounted the table on the host'
container rbinfmt uninstall arm64 $emulators && gone && ok 'nothing is left of it' || fail 'uninstall from another container'

if [ -e /proc/sys/user/max_user_namespaces ]; then
    echo 0 >/proc/sys/user/max_user_namespaces
    with_host_pids rbinfmt install arm64 $emulators && foreign && { mounted 1 || grep -q outlived /tmp/out; } &&
        ok "no user namespaces, the host's processes: $(tail -n 1 /tmp/out)" || fail 'the mounts of process 1'
    with_host_pids rbinfmt uninstall arm64 $emulators || fail 'uninstall with the processes of the host'
    umount $table 2>/dev/null
    if container rbinfmt install arm64 $emulators; then
        # Older kernels keep the entries without any mount.
        foreign && ok 'no user namespaces: the kernel keeps the entries' || fail 'it said that the entries stay'
        container rbinfmt uninstall arm64 $emulators
    else
        [ $? = 1 ] && grep -q 'mount -t binfmt_misc' /tmp/out && ! foreign &&
            ok 'no user namespaces, a container: refused with the command for the host' || fail 'refusal'
    fi
    # The process stays, so the entries do; then it goes.
    unshare -m -p -f --mount-proc rbinfmt install arm64 --hold $emulators >/tmp/held 2>&1 &
    for _ in 1 2 3 4 5 6 7 8 9 10; do grep -q 'holding the table' /tmp/held && break; sleep 1; done
    foreign && ok 'a process that stays holds the table' || fail 'hold'
    container rbinfmt uninstall arm64 $emulators || fail 'uninstall beside a process that holds'
    kill -TERM "$(pidof rbinfmt)"
    sleep 1
fi
rmmod binfmt_misc 2>/tmp/out && ok 'the module can be unloaded' || fail 'the module is in use'
echo 'all done'
poweroff -f
