#!/bin/bash
# Everything for want of which a check may be skipped with RBINFMT_TEST_ALL=1, as in CI: what a machine cannot have,
# whatever is installed or fetched. It is read from the machine itself, and not from what failed.
# usage: tests/lacks.sh NEED     status 0 where this machine lacks it
set -euo pipefail
setting() { cat "/proc/sys/$1" 2>/dev/null || echo "$2"; }

case ${1:?usage: lacks.sh NEED} in
    # The rights of root in the machine's own user namespace.
    root) [ "$(id -u)" != 0 ] || [ "$(readlink /proc/self/ns/user)" != 'user:[4026531837]' ] ;;
    # The emulators that are fetched, the image and the handmade programs are for x86_64.
    x86_64) [ "$(uname -m)" != x86_64 ] ;;
    # Linux X.Y or later. From 6.7 on a user namespace can have a binfmt_misc table of its own.
    kernel-*) [ "$(printf '%s\n' "${1#kernel-}" "$(uname -r)" | sort -V | head -n 1)" != "${1#kernel-}" ] ;;
    # User namespaces, for whoever runs this.
    user-namespaces)
        [ "$(setting user/max_user_namespaces 0)" = 0 ] || { [ "$(id -u)" != 0 ] &&
            { [ "$(setting kernel/unprivileged_userns_clone 1)" = 0 ] ||
                [ "$(setting kernel/apparmor_restrict_unprivileged_userns 0)" = 1 ]; }; }
        ;;
    # The mounts of process 1: in a container they are others, and may not be read. The stage `kernels` has them.
    process-1) [ "$(readlink /proc/1/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ] ;;
    # A kernel with autofs.
    autofs) ! grep -qw autofs /proc/filesystems ;;
    *) exit 1 ;;
esac
