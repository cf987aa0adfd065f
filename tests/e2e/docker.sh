#!/bin/bash
# The image in a real Docker engine: what users type, what docker/setup-qemu-action runs, what stays when the container
# is gone, and what is said where it cannot be.
# usage: tests/e2e/docker.sh     as root, after tests/e2e/image.sh
#
# It registers with the machine's kernel, and takes all away again whatever happens.
set -uo pipefail
. "$(dirname "$0")/engine.sh"
. "$HERE/images.sh"

need_table
have_programs
start_docker
docker image inspect rbinfmt >/dev/null 2>&1 || skip - 'there is no image: tests/e2e/image.sh builds it'
start_registry
CONTAINERS=$(docker ps -aq)

# in_container [FLAG...] -- [ARGUMENT...]: docker run of our image; its words in $WORK/out and $WORK/err.
in_container() {
    local flags=()
    while [ "$1" != -- ]; do flags+=("$1"); shift; done
    shift
    docker run --rm "${flags[@]}" rbinfmt "$@" >"$WORK/out" 2>"$WORK/err"
}
at_end() { [ -z "$(entries)" ] || in_container --privileged -- --uninstall 'qemu-*'; }
# hello REFERENCE PLATFORM
hello() { docker run --rm --platform "$2" "$1" >"$WORK/out" 2>"$WORK/err"; }
supported() { jq -e --arg p "$1" '.supported | index($p)' "$WORK/out" >/dev/null; }
said() { grep -q -- "$1" "$WORK/err"; }
failing() { cat "$WORK/err" >>"$WORK/out"; fail "$@"; }

# Images of other architectures, in a registry, behind one digest.
references=()
while read -r platform arch machine; do
    context "$arch" "$WORK/$arch"
    printf 'FROM scratch\nCOPY . /\nCMD ["/bin/echo", "Hello, %s!"]\n' "${platform#linux/}" >"$WORK/$arch/Dockerfile"
    reference=$REGISTRY/hello:$arch
    DOCKER_BUILDKIT=1 docker build -q --platform "$platform" -t "$reference" "$WORK/$arch" >"$WORK/out" 2>&1 || fail "building $arch"
    docker push -q "$reference" >"$WORK/out" 2>&1 || fail "pushing $arch"
    docker rmi "$reference" >/dev/null
    references+=("$reference")
done <<<"$FOREIGN"
docker manifest create --insecure $REGISTRY/hello "${references[@]}" >"$WORK/out" 2>&1 || fail 'making the index'
INDEX=$REGISTRY/hello@$(docker manifest push --insecure $REGISTRY/hello 2>"$WORK/out" | tail -n 1) || fail 'pushing the index'

# each CHECK: pulls the image of each platform by the digest of the index, and checks what running it does.
each() {
    local platform arch machine
    while read -r platform arch machine; do
        docker pull -q --platform "$platform" "$INDEX" >"$WORK/out" 2>&1 </dev/null || fail "pulling $platform"
        [ "$(docker inspect --format '{{.Os}}/{{.Architecture}}{{with .Variant}}/{{.}}{{end}}' "$INDEX")" = "$platform" ] ||
            fail "docker inspect of $platform"
        "$1" "$platform" "$machine" </dev/null
        docker rmi "$INDEX" >/dev/null
    done <<<"$FOREIGN"
}
refused() {
    hello "$INDEX" "$1"
    local got=$?
    [ "$1" = linux/386 ] && return
    [ $got = 1 ] && said 'exec format error' || grep -q 'exec .*format error' "$WORK/out" || failing "$1 before: $got"
}
greets() {
    hello "$INDEX" "$1" && [ "$(cat "$WORK/out")" = "Hello, ${1#linux/}!" ] || failing "$1"
    [ "$(docker run --rm --platform "$1" "$INDEX" uname -m 2>&1)" = "$2" ] || fail "uname -m of $1"
    cat "$WORK/out"
}

each refused
ok 'before: foreign images of one digest are refused: exec format error'
in_container --privileged -- --install all || failing '--install all'
cat "$WORK/err" "$WORK/out"
mounted 1 || said '^the entries hold their table: they remain when this container is gone$' || failing 'what keeps them'
said '^note: a reboot ends them; .*--persist' || failing 'what ends them'
each greets
ok 'after docker run --privileged --rm IMAGE --install all they run, and docker inspect tells their platform'

# What docker/setup-qemu-action runs, one after the other; it parses standard output, and takes any failure for one.
in_container --privileged -- --version || failing '--version'
[ ! -s "$WORK/out" ] && said 'qemu/v[0-9]' || failing '--version writes to standard error alone'
in_container --privileged -- --uninstall 'qemu-*' || failing '--uninstall qemu-*'
jq -e '.emulators == []' "$WORK/out" >/dev/null || failing 'the JSON of --uninstall'
[ -z "$(entries)" ] || failing "entries are left: $(entries)"
in_container --privileged -- --uninstall 'qemu-*' || failing '--uninstall qemu-* with nothing to remove'
in_container --privileged -- --install linux/amd64,linux/arm64,linux/s390x || failing '--install PLATFORMS'
supported linux/arm64 && supported linux/s390x || failing 'the JSON of --install'
in_container --privileged -- --install linux/amd64,linux/arm64,linux/s390x || failing 'the same again'
said 'qemu-aarch64 already registered' || failing 'what a second --install says'
in_container --privileged -- || failing 'no argument'
supported linux/arm64 && supported linux/s390x && ! supported linux/riscv64 || failing 'the JSON of no argument'
jq -e '.emulators == ["qemu-aarch64", "qemu-s390x"]' "$WORK/out" >/dev/null || failing 'the emulators of the JSON'
[ ! -s "$WORK/err" ] || failing 'it speaks without an argument'
in_container --privileged -- --uninstall 'qemu-*' || failing '--uninstall'
ok 'the calls of docker/setup-qemu-action: JSON alone on standard output, status 0 each time'

# Nobody holds the table but the entries; and the plain way beside it.
gone() { ! hello "$INDEX" linux/arm64; }
docker pull -q --platform linux/arm64 "$INDEX" >/dev/null
gone || failing 'arm64 runs before'
if ! mounted 1 && ! mounted; then
    plain_image "$WORK/plain" || fail 'building the plain image'
    docker run --rm --privileged plain || fail 'registering the plain way'
    if gone; then
        ok 'registered the plain way: gone with its container'
    else
        ok 'registered the plain way: this kernel keeps entries without a mount'
        docker run --rm --privileged --entrypoint /bin/sh plain -c 'mount -t binfmt_misc none /proc/sys/fs/binfmt_misc; echo -1 >/proc/sys/fs/binfmt_misc/qemu-aarch64'
    fi
    in_container --privileged -- install arm64 || failing 'install'
    cat "$WORK/err" "$WORK/out"
    [ "$(docker ps -aq)" = "$CONTAINERS" ] && ! mounted && ! mounted 1 || fail 'a container or a mount is left'
    hello "$INDEX" linux/arm64 || failing 'arm64 after the container is gone'
    in_container --privileged -- status || failing 'status in another container'
    in_container --privileged --read-only -- install s390x || failing 'in a container that may not write'
    in_container --privileged -- uninstall all || failing 'uninstall'
    [ -z "$(entries)" ] && gone || fail "entries are left: $(entries)"
    ok 'registered by our image: it stays without a mount on the host, a process, or a container; uninstall leaves nothing'
else
    skipped - 'the machine has binfmt_misc mounted, so that nothing can vanish'
fi

# Another container's systemd clears the table of everybody when it starts.
in_container --privileged -- install arm64 s390x || failing 'install before it is cleared'
unshare --mount --propagation private sh -c "mount -t binfmt_misc binfmt_misc $TABLE && echo -1 >$TABLE/status"
[ -z "$(entries)" ] && gone || fail 'the table is not cleared'
in_container --privileged -- status || failing 'status of a table that was cleared'
grep -q 'qemu-' "$WORK/out" && failing 'status shows what was cleared'
in_container --privileged -- --install arm64 || failing 'install after it was cleared'
hello "$INDEX" linux/arm64 || failing 'arm64 after that'
in_container --privileged -- uninstall all || failing 'uninstall after that'
[ -z "$(entries)" ] && gone || fail "entries are left: $(entries)"
ok 'cleared by somebody else, as systemd-binfmt does: seen, and installed again'

# Docker's way to less than --privileged.
if in_container --cap-add SYS_ADMIN -- install arm64; then
    hello "$INDEX" linux/arm64 || failing 'arm64 after --cap-add SYS_ADMIN'
    in_container --cap-add SYS_ADMIN -- uninstall all || failing 'uninstall with --cap-add SYS_ADMIN'
    ok '--cap-add SYS_ADMIN is enough here'
else
    said 'has to be privileged\|add --privileged' || failing '--cap-add SYS_ADMIN'
    ok '--cap-add SYS_ADMIN is not enough here, and --privileged is named'
fi

# The host's system, or what stands for it: a tree with systemd in it, and not this machine's.
host=$WORK/host
mkdir -p "$host"/{dev,etc,proc,run,sys,tmp,usr/bin,usr/lib/systemd,var/lib}
touch "$host/usr/lib/systemd/systemd"
paths() { (cd "$host" && find . -mindepth 1 -printf '%p %m %u %l\n' | sort); }
contents() { (cd "$host" && find . -type f -exec sha256sum {} + | sort); }
has() { [ -e "$host/$1" ] || failing "there is no $1"; }
paths >"$WORK/before"
in_container --privileged -v "$host:/host" -- --install arm64,s390x --persist || failing '--install --persist'
supported linux/arm64 && supported linux/s390x || failing 'the JSON of --install --persist'
said '^note: it comes back with every boot' || failing 'the last word of --install --persist'
sed 's/^/    /' "$WORK/err"
version=$(cd "$host/var/lib/rbinfmt/versions" && echo *)
for name in aarch64 s390x; do
    emulator=var/lib/rbinfmt/versions/$version/qemu-$name
    has "$emulator"
    grep -q "^:qemu-$name:M:.*:/$emulator:P\?OCF\$" "$host/etc/binfmt.d/rbinfmt.conf" || failing "the line of $name"
done
docker run --rm --privileged rbinfmt status --json | jq -e --arg e "/$emulator" 'any(.entries[]; .interpreter == $e)' >"$WORK/out" ||
    failing "no entry has /$emulator"
grep -qx 'architectures = \["arm64", "s390x"\]' "$host/etc/rbinfmt/config.toml" || failing 'the configuration'
grep -qx 'ExecStart=/usr/local/bin/rbinfmt install --offline' "$host/etc/systemd/system/rbinfmt.service" || failing 'the unit'
[ "$(readlink "$host/etc/systemd/system/multi-user.target.wants/rbinfmt.service")" = /etc/systemd/system/rbinfmt.service ] ||
    failing 'the link of the unit'
[ "$("$host/usr/local/bin/rbinfmt" -V)" = "$(docker run --rm rbinfmt -V)" ] || failing 'the program on the host'
hello "$INDEX" linux/arm64 || failing 'arm64 after --install --persist'
{ paths && contents; } >"$WORK/persisted"
in_container --privileged -v "$host:/host" -- install arm64 s390x --persist || failing 'install --persist, a second time'
! grep -q '^wrote' "$WORK/out" || failing 'a second time writes'
{ paths && contents; } | diff "$WORK/persisted" - >"$WORK/out" || failing 'a second time changes files'
ok 'docker run -v /:/host ... --persist: emulators, program, unit and configuration are the host'"'"'s, once'
in_container --privileged -v "$host:/host" -- disable --persist || failing 'disable --persist'
cat "$WORK/out"
paths | diff "$WORK/before" - >"$WORK/out" || failing 'disable --persist left'
[ -z "$(entries)" ] && gone || fail "entries are left: $(entries)"
ok 'disable --persist takes all of it away'

# told STATUS TEXT: a single error in words, and nothing on standard output.
told() {
    local got=$1
    [ "$got" = "$2" ] && [ ! -s "$WORK/out" ] && said "$3" && ! said 'panicked\|backtrace' &&
        [ "$(grep -c '^error' "$WORK/err")" = 1 ] || failing "status $got, expected $2 and $3"
    [ -z "$(entries)" ] || fail "entries are left: $(entries)"
    sed 's/^/    /' "$WORK/err"
}
in_container -- --install all
told $? 3 'add --privileged'
in_container -- install arm64
told $? 3 'add --privileged'
in_container --
told $? 3 'add --privileged'
in_container --privileged --user 1000 -- --install all
told $? 3 'root'
in_container --privileged -- --install arm64,vax
told $? 2 'unsupported architecture: vax'
in_container --privileged -- --install arm64 --persist
told $? 1 'mount it there: docker run --privileged --rm -v /:/host'
in_container --privileged -v "$host:/host:ro" -- --install arm64 --persist
told $? 1 'cannot be written'
printf 'architectures = ["arm64", "s39' >"$WORK/half.toml"
in_container --privileged -v "$WORK/half.toml:/etc/rbinfmt/config.toml:ro" -- install
told $? 2 'config.toml:1'
in_container --env KUBERNETES_SERVICE_HOST=192.0.2.1 -- install all
told $? 3 'securityContext.privileged: true'
# A container that may do all but make user namespaces.
cat >"$WORK/seccomp.json" <<'JSON'
{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
  {"names": ["unshare", "clone"], "action": "SCMP_ACT_ERRNO",
   "args": [{"index": 0, "value": 268435456, "valueTwo": 268435456, "op": "SCMP_CMP_MASKED_EQ"}]},
  {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}
JSON
if ! mounted 1; then
    in_container --cap-add ALL --security-opt systempaths=unconfined --security-opt seccomp="$WORK/seccomp.json" -- install arm64
    told $? 1 'making a user namespace'
    said 'mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc` on the host' || failing 'no command for the host'
fi
ok 'without rights, user namespaces, a host'"'"'s tree, for an unknown platform or half a configuration: one sentence, nothing changed'
