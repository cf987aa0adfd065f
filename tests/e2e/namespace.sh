# shellcheck shell=bash
# A script that runs itself again in a user namespace with the users of a system and a table of its own. After engine.sh.

apart() { [ "$(readlink "/proc/$1/ns/user")" != "$(readlink /proc/self/ns/user)" ]; }

# again_inside SCRIPT RBINFMT: SCRIPT RBINFMT inside WORK, in such a namespace; ends with its status.
again_inside() {
    mkfifo "$WORK/go"
    unshare --user --mount --pid --ipc --cgroup --fork --kill-child --propagation private \
        bash -c 'read -r _ <"$1"; shift; exec "$@"' inside "$WORK/go" "$1" "$2" inside "$WORK" &
    PIDS+=($!)
    wait_for 10 apart $! || skip user-namespaces 'user namespaces cannot be made here'
    echo '0 0 65536' >"/proc/$!/uid_map" && echo '0 0 65536' >"/proc/$!/gid_map" || fail 'the users of the namespace'
    echo >"$WORK/go"
    wait $!
    exit
}

# begin_inside WORK: the first thing in there. Nothing is removed: the mounts end with the namespace, and the directory is the
# other half's. $WORK/roots is for file systems.
begin_inside() {
    trap - EXIT
    rmdir "$WORK"
    WORK=$1
    mount -t proc proc /proc && mount -t binfmt_misc binfmt_misc "$TABLE" 2>"$WORK/out" ||
        skip kernel-6.7 'a user namespace has no table of its own here'
    mkdir "$WORK/roots"
    mount -t tmpfs -o mode=755 tmpfs "$WORK/roots"
}
