#!/bin/bash
# The machine's own table: registrations of a container that is gone, with and without what keeps them.
# usage: tests/e2e/vanish.sh [RBINFMT]    as root, on a machine where nothing has binfmt_misc mounted
#
# It registers arm64 and nothing else, and takes it away again whatever happens.
set -uo pipefail
. "$(dirname "$0")/engine.sh"
RBINFMT=$(realpath "${1:-$HERE/../../target/debug/rbinfmt}")
LIMIT=/proc/sys/user/max_user_namespaces
EMULATORS=$WORK/emulators
HELD= # the limit of user namespaces, while it is lowered
INSIDE= # what a container starts rbinfmt with

# A stand-in for a privileged container: its own mounts, its own processes, its own /proc.
container() { unshare --mount --propagation private --pid --fork --mount-proc -- ${INSIDE:+"$INSIDE"} "$@"; }
# One that shares the machine's processes (docker run --pid=host).
with_host_pids() { unshare --mount --propagation private -- ${INSIDE:+"$INSIDE"} "$@"; }
rbinfmt() { container "$RBINFMT" --emulators "$EMULATORS" "$@" >"$WORK/out" 2>&1; }
runs() { [ "$("$PROGRAM" uname -m 2>/dev/null)" = aarch64 ]; }
# No user namespaces for a while: by the limit, or, where that may not be changed, in a chroot, which makes none either.
forbid() {
    HELD=$(cat $LIMIT)
    { echo 0 >$LIMIT; } 2>/dev/null && return
    HELD=
    INSIDE=$WORK/in-chroot
}
allow() {
    [ -z "$HELD" ] || echo "$HELD" >$LIMIT
    HELD='' INSIDE=''
}

at_end() {
    allow
    rbinfmt uninstall all
    if [ -n "${MAY_UNMOUNT-}" ] && mounted 1; then nsenter --target 1 --mount umount $TABLE; fi
}

need_table
! mounted || skip - 'this machine has binfmt_misc mounted, so that nothing can vanish'
PROGRAM=$CACHE/arm64/busybox
[ -x "$PROGRAM" ] && [ -x "$CACHE/qemu/qemu-aarch64-static" ] || skip - 'the programs of arm64 could not be fetched'
mkdir "$EMULATORS" "$WORK/root"
printf '#!/bin/sh\nmount --rbind / %s/root && exec chroot %s/root "$@"\n' "$WORK" "$WORK" >"$WORK/in-chroot"
chmod +x "$WORK/in-chroot"
cp "$CACHE/qemu/qemu-aarch64-static" "$EMULATORS/"
! runs || fail 'arm64 programs run already'

rbinfmt install arm64 --keep mount || fail 'the plain way'
grep -q 'the table lasts as long as the mounts of this namespace' "$WORK/out" || fail 'it promises too much'
if runs; then
    ok "this kernel ($(uname -r)) keeps the table without a mount"
    rbinfmt uninstall all
else
    ok 'the plain way: the entry is gone with the container, and was said to be'
fi

rbinfmt install arm64 || fail 'the default in a container'
grep -q 'the entries hold their table: they remain when this container is gone' "$WORK/out" || fail 'the way'
! mounted || fail 'it left a mount behind'
runs || fail 'the self-holding entry is gone with the container'
ok 'a self-holding entry outlives its container, and its program runs on the machine'

"$RBINFMT" status --json --emulators "$EMULATORS" >"$WORK/out" 2>&1 || fail 'status on the machine'
grep -q '"held_by": "entries"' "$WORK/out" && grep -q '"works": true' "$WORK/out" || fail 'what status says'
! mounted || fail 'status left a mount behind'
rbinfmt status || fail 'status in another container'
rbinfmt install arm64 -v || fail 'a second container'
grep -q 'kept' "$WORK/out" || fail 'a second container has something to do'
runs || fail 'it does not run after the second container'
ok 'it is seen from the machine and from other containers'

rbinfmt install arm64 --no-credentials || fail 'replacing it'
runs || fail 'it does not run after it was replaced'
rbinfmt uninstall all || fail 'uninstalling in another container'
! runs || fail 'it still runs'
[ -z "$(entries)" ] || fail "entries are left: $(entries)"
: 2>/dev/null >>"$EMULATORS/qemu-aarch64-static" || fail 'the emulator is still held'
ok 'another container removes it, and nothing is left'

forbid
rbinfmt install arm64
got=$?
allow
[ $got = 1 ] || fail "where user namespaces are forbidden: $got"
grep -q 'making a user namespace' "$WORK/out" || fail 'no reason'
grep -q "mount -t binfmt_misc binfmt_misc $TABLE\` on the host" "$WORK/out" || fail 'no command for the host'
! runs || fail 'it runs nevertheless'
[ -z "$(entries)" ] || fail "entries are left: $(entries)"
ok 'where no way lasts it fails, says why, and names the command for the host'

if ! "$TESTS/lacks.sh" process-1 && ! mounted 1; then
    MAY_UNMOUNT=yes
    with_host_pids "$RBINFMT" install arm64 --emulators "$EMULATORS" >"$WORK/out" 2>&1 || fail 'with the processes of the host'
    grep -q 'the entries hold their table' "$WORK/out" || fail 'the way with the processes of the host'
    runs || fail 'it does not run'
    rbinfmt uninstall all || fail 'uninstalling'
    ! mounted 1 || fail 'it was mounted on the host without need'

    forbid
    with_host_pids "$RBINFMT" install arm64 --emulators "$EMULATORS" >"$WORK/out" 2>&1
    got=$?
    allow
    [ $got = 0 ] || fail "with the processes of the host and no user namespaces: $got"
    grep -q 'the table remains mounted on the host' "$WORK/out" || fail 'the way'
    mounted || fail 'it is not mounted on the host'
    runs || fail 'it does not run'
    # Now somebody else holds the table: a plain mount will do.
    rbinfmt install arm64 -v || fail 'in a container, with the table mounted on the host'
    runs || fail 'it does not run after that'
    rbinfmt uninstall all || fail 'uninstalling'
    ! runs || fail 'it still runs'
    umount $TABLE
    ok 'where the mounts of the host can be reached, the table is mounted there'

    "$RBINFMT" install arm64 --emulators "$EMULATORS" >"$WORK/out" 2>&1 || fail 'on the machine itself'
    grep -q 'the table remains mounted here' "$WORK/out" && mounted || fail 'the mount'
    runs || fail 'it does not run'
    "$RBINFMT" uninstall all --emulators "$EMULATORS" >"$WORK/out" 2>&1 || fail 'uninstalling on the machine itself'
    mounted || fail 'a host keeps its mount'
    umount $TABLE
    ok 'on the machine itself the table is mounted and stays so'
else
    skipped process-1 'the ways over the mounts of process 1: they are not ours, or have the table'
fi

at_end
[ -z "$(entries)" ] && ! mounted || fail 'something is left'
ok 'the table is as empty as it was'
