#!/bin/bash
# The image in podman and buildah: as root, and what an unprivileged user's containers see and may do.
# usage: tests/e2e/podman.sh     as root, after tests/e2e/image.sh
set -uo pipefail
. "$(dirname "$0")/engine.sh"
. "$HERE/images.sh"

need_table
have_programs
need podman buildah crun runc jq setpriv
[ -e "$IMAGE_FILE" ] || skip - 'there is no image: tests/e2e/image.sh builds it'
# crun knows the older cgroups only by themselves: in mounts of our own there are the newer ones alone.
if [ "${1-}" != inside ]; then
    trap - EXIT
    rm -rf --one-file-system "$WORK"
    exec unshare --mount --propagation private bash -c 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$0" inside
        echo "FAILED: podman.sh: the newer cgroups cannot be mounted here" >&2; exit 99' "$HERE/podman.sh"
fi

chmod 755 "$WORK"
export CONTAINERS_CONF=$WORK/containers.conf
# Of the newer cgroups a machine may have no controllers.
printf '[containers]\npids_limit = 0\n' >"$CONTAINERS_CONF"
STORAGE=(--root "$WORK/storage" --runroot "$WORK/run")
podman() { command podman "${STORAGE[@]}" --cgroup-manager cgroupfs --events-backend file --runtime "$RUNTIME" "$@"; }
buildah() { command buildah "${STORAGE[@]}" "$@"; }
RUNTIME=$(runtime runc)
run() { podman run --rm --network none "$@"; }
rbinfmt() { run --privileged "$IMAGE" "$@" >"$WORK/out" 2>"$WORK/err"; }
failing() { cat "$WORK/err" >>"$WORK/out"; fail "$@"; }
at_end() {
    [ -z "$(entries)" ] || rbinfmt --uninstall 'qemu-*'
    find "$WORK/user" -name pause.pid 2>/dev/null | while read -r file; do kill "$(cat "$file")"; done
}

command podman --version
command buildah --version
IMAGE=$(podman load --quiet --input "$IMAGE_FILE" | sed 's/^Loaded image[^:]*: //') || fail 'podman load'
while read -r platform arch _; do
    context "$arch" "$WORK/$arch"
    printf 'FROM scratch\nCOPY . /\n' >"$WORK/$arch.Dockerfile"
    podman build --quiet --platform "$platform" --tag "localhost/$arch" -f "$WORK/$arch.Dockerfile" "$WORK/$arch" \
        >"$WORK/out" 2>&1 </dev/null || fail "building $arch"
done <<<"$FOREIGN"
# It runs itself under another name for `cat`: that needs flag P.
foreign() { [ "$(run "localhost/$ARCH" sh -c 'uname -m | cat' 2>"$WORK/out" </dev/null)" = "$MACHINE" ]; }
each() {
    while read -r PLATFORM ARCH MACHINE; do "$@" || fail "$PLATFORM"; done <<<"$FOREIGN"
}

! run localhost/arm64 uname -m >"$WORK/out" 2>&1 && grep -qi 'exec format error' "$WORK/out" || fail 'arm64 before'
# Without privileges, and as somebody else: a table of its own.
for user in 0 1000; do
    [ "$(run --user $user -v "$CACHE/arm64:/arm64:ro" "$IMAGE" run /arm64/busybox uname -m 2>"$WORK/out")" = aarch64 ] ||
        fail "rbinfmt run as user $user"
done
ok 'podman run IMAGE run PROGRAM: without privileges, as root and as another user'
rbinfmt --install all || failing '--install all'
each foreign
ok 'podman run --privileged --rm IMAGE --install all: containers of every platform run, argv[0] arrives'

# A setuid shell, as root wants it and as uid 1000 runs it.
cp "$CACHE/arm64/bash" "$WORK/arm64/bin/bash"
printf 'FROM scratch\nCOPY . /\nRUN chmod 4755 /bin/bash\n' >"$WORK/setuid.Dockerfile"
podman build --quiet --platform linux/arm64 --network host --tag localhost/setuid -f "$WORK/setuid.Dockerfile" "$WORK/arm64" \
    >"$WORK/out" 2>&1 || fail 'a RUN step of an arm64 build'
euid() { run --user 1000 localhost/setuid bash -p -c 'echo $EUID' 2>"$WORK/out"; }
[ "$(euid)" = 0 ] || fail "a setuid program: $(euid)"
[ "$(run localhost/setuid bash -c 'exec -a another bash -c "echo \$0"' 2>"$WORK/out")" = another ] || fail 'argv[0]'
rbinfmt install arm64 --no-credentials || failing 'install --no-credentials'
[ "$(euid)" = 1000 ] || fail "a setuid program without flag C: $(euid)"
rbinfmt install arm64 || failing 'install again'
ok 'a setuid program has its owner'"'"'s rights, and has them not with --no-credentials'

cat >"$WORK/multi.Dockerfile" <<'DOCKERFILE'
FROM scratch
ARG TARGETARCH
COPY ${TARGETARCH} /
RUN uname -m > /machine && cat /machine
DOCKERFILE
mkdir "$WORK/multi"
for name in arm64:arm64 s390x:s390x ppc64le:ppc64el riscv64:riscv64; do cp -a "$WORK/${name#*:}" "$WORK/multi/${name%:*}"; done
buildah build --runtime "$RUNTIME" --network host --platform linux/arm64,linux/s390x,linux/ppc64le,linux/riscv64 \
    --manifest localhost/multi -f "$WORK/multi.Dockerfile" "$WORK/multi" >"$WORK/out" 2>&1 || fail 'buildah build'
for machine in aarch64 s390x ppc64le riscv64; do grep -qx "$machine" "$WORK/out" || fail "buildah build: no $machine"; done
[ "$(buildah manifest inspect localhost/multi | jq '.manifests | length')" = 4 ] || fail 'the manifest list'
ok 'buildah build runs the steps of four platforms into one manifest list'

# An unprivileged user: no root, no ids but his own.
mkdir -p "$WORK/user/home" "$WORK/user/run"
cp "$IMAGE_FILE" "$WORK/user/rbinfmt.tar"
tar -C "$WORK/arm64" -cf "$WORK/user/arm64.tar" .
cat >"$WORK/user/run.sh" <<'SCRIPT'
cd "$(dirname "$0")"
export HOME=$PWD/home XDG_RUNTIME_DIR=$PWD/run
exec podman --log-level error --root "$PWD/storage" --runroot "$PWD/run/podman" --storage-driver overlay \
    --cgroup-manager cgroupfs --events-backend file --runtime crun "$@"
SCRIPT
chown -R nobody "$WORK/user"
chmod 700 "$WORK/user/run"
user() {
    setpriv --reuid=nobody --regid=nogroup --clear-groups --inh-caps=-all --bounding-set=-all \
        env -i PATH="$PATH" bash "$WORK/user/run.sh" "$@" 2>"$WORK/err"
}
user_run() { user run --rm --network none --cgroups=disabled "$@"; }
user load --quiet --input rbinfmt.tar >"$WORK/out" && user import --quiet --arch arm64 arm64.tar localhost/arm64 >"$WORK/out" ||
    { cat "$WORK/err" >&2; skip - 'podman does not start for an unprivileged user here'; }
[ "$(user_run localhost/arm64 uname -m)" = aarch64 ] || failing "an unprivileged user's container does not see the entries"
ok "an unprivileged user's containers see the entries of the machine"
user_run --privileged "$IMAGE" --install arm64 >"$WORK/out"
got=$?
cat "$WORK/err"
[ $got = 3 ] && [ ! -s "$WORK/out" ] && grep -q 'user namespace' "$WORK/err" || failing "installing from there: $got"
[ "$(user_run localhost/arm64 uname -m)" = aarch64 ] || failing 'the attempt has hidden the entries'
ok 'installing from there is refused in a sentence, and what was there still works'

rbinfmt --uninstall 'qemu-*' || failing '--uninstall'
[ -z "$(entries)" ] || fail "entries are left: $(entries)"
! run localhost/arm64 uname -m >"$WORK/out" 2>&1 || fail 'arm64 after --uninstall'
ok 'after --uninstall nothing is left'
