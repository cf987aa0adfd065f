#!/bin/bash
# What the doctor tells users of Docker to do, done: each command is taken from what it prints, and run as it is printed.
# usage: tests/e2e/advice.sh [RBINFMT]     as root
#
# It registers with the machine's kernel, and takes all away again whatever happens.
set -uo pipefail
. "$(dirname "$0")/engine.sh"
. "$HERE/images.sh"
. "$HERE/printed.sh"
RBINFMT=$(realpath "${1:-$HERE/../../target/debug/rbinfmt}")

need_table
need jq
have_programs
[ -x "$RBINFMT" ] || skip - "there is no $RBINFMT"
# With the table mounted, as machines have it; here nobody mounts it for long.
rbinfmt() {
    unshare --mount --propagation private sh -c "mount -t binfmt_misc none $TABLE; exec \"\$@\"" sh "$RBINFMT" "$@"
}
start_docker
start_registry

# tree ARCH DIR: a root that runs on this machine (`amd64`) or another one.
tree() {
    [ "$1" = amd64 ] || { context "$1" "$2"; return; }
    mkdir -p "$2"/{bin,etc,tmp}
    local file
    for file in /bin/bash $(ldd /bin/bash /bin/ls /bin/uname | grep -o '/[^ :]*' | sort -u); do
        mkdir -p "$2$(dirname "$file")" && cp -L "$file" "$2$file"
    done
    cp -L /bin/ls /bin/uname "$2/bin/" && ln -s bash "$2/bin/sh"
}
# image PLATFORM DIR REFERENCE [LINE...]: built of a directory.
image() {
    { printf 'FROM scratch\nCOPY . /\nCMD ["/bin/uname", "-m"]\n'; printf '%s\n' "${@:4}"; } >"$WORK/Dockerfile"
    DOCKER_BUILDKIT=1 docker build -q --platform "$1" -t "$3" -f "$WORK/Dockerfile" "$2" >"$WORK/out" 2>&1 || fail "building $3"
}
# says WORD...: the command with what it prints, as users paste it.
says() {
    echo "\$ $*"
    "$@" 2>&1 </dev/null
}
runs() { [ "$(docker run --rm "$1" 2>"$WORK/out" </dev/null)" = "$2" ] || fail "$1 does not run"; }
fails() { ! docker run --rm "$1" >"$WORK/out" 2>&1 </dev/null || fail "$1 runs before"; }

TOOL=$REGISTRY/tool
for arch in amd64 arm64 armhf; do tree $arch "$WORK/$arch"; done
image linux/amd64 "$WORK/amd64" $TOOL:amd64
image linux/arm64 "$WORK/arm64" $TOOL:arm64
image linux/arm/v6 "$WORK/armhf" $TOOL:armv6
image linux/arm/v7 "$WORK/armhf" $TOOL:armv7
for tag in amd64 arm64 armv6 armv7; do docker push -q $TOOL:$tag >"$WORK/out" 2>&1 || fail "pushing $tag"; done
docker manifest create --insecure $TOOL $TOOL:{amd64,arm64,armv6,armv7} >"$WORK/out" 2>&1 &&
    docker manifest push --insecure $TOOL >"$WORK/out" 2>&1 || fail 'the index'
docker rmi $TOOL:{amd64,arm64,armv6,armv7} >"$WORK/out" 2>&1

# Our own image, as small as it can be: this program, what it needs, and emulators.
export IMAGE=$REGISTRY/rbinfmt
mkdir -p "$WORK/own/usr/bin"
for file in $(ldd "$RBINFMT" | grep -o '/[^ :]*' | sort -u); do
    mkdir -p "$WORK/own$(dirname "$file")" && cp -L "$file" "$WORK/own$file"
done
cp "$RBINFMT" "$WORK/own/rbinfmt"
for name in aarch64 arm s390x; do cp "$CACHE/qemu/qemu-$name-static" "$WORK/own/usr/bin/"; done
image linux/amd64 "$WORK/own" "$IMAGE" 'ENTRYPOINT ["/rbinfmt"]' 'CMD []'
docker push -q "$IMAGE" >"$WORK/out" 2>&1 || fail 'pushing our image'
at_end() { [ -z "$(entries)" ] || docker run --rm --privileged "$IMAGE" --uninstall 'qemu-*'; }

docker pull -q --platform linux/arm64 $TOOL >"$WORK/out" 2>&1 || fail 'pulling arm64'
fails $TOOL
text=$(says docker run --rm $TOOL)
shown next "docker image inspect --format '{{.Os}}/{{.Architecture}}' {image}" linux/arm64 --message "$(grep -v WARNING <<<"$text")"
printed image-platform-mismatch 'docker pull --platform {own} {image}' --message "$text" || fail 'the pull'
runs $TOOL x86_64
ok 'an image for another platform: pulled for this machine, it runs'

docker pull -q --platform linux/arm64 $TOOL >"$WORK/out" 2>&1 || fail 'pulling arm64'
text=$(says docker run --rm --platform linux/amd64 --pull never $TOOL)
printed cached-wrong-platform 'docker pull --platform {platform} {image}' --message "$text" || fail 'the pull'
[ "$(docker run --rm --platform linux/amd64 $TOOL 2>"$WORK/out")" = x86_64 ] || fail 'the right platform'
ok 'an image of another platform was there: pulled again, it runs'

mkdir "$WORK/empty"
cp -r "$WORK/amd64/." "$WORK/empty"
: >"$WORK/empty/bin/uname"
image linux/amd64 "$WORK/empty" $TOOL
fails $TOOL
text=$(says docker run --rm --entrypoint /bin/ls $TOOL -l /bin/uname; says docker run --rm $TOOL)
printed empty-or-zero-file 'docker rmi {image} && docker pull {image}' --message "$text" || fail 'removed and pulled'
runs $TOOL x86_64
ok 'an image with an empty program: removed and pulled again, it runs'

mkdir "$WORK/build"
printf 'FROM scratch\nLABEL a=b\n' >"$WORK/build/Dockerfile"
printed file 'docker build -f {path} .' "$WORK/build/Dockerfile" || fail 'the build'
ok 'a Dockerfile that was given as a program is built'

text=$(says docker run --rm $TOOL /start.sh)
shown path-lookup-failed 'docker run --rm --entrypoint ls {image} -l /' ' bin$' --message "$text"
ok 'a program that an image does not have: what it has'

image linux/amd64 "$WORK/arm64" $REGISTRY/lies
docker push -q $REGISTRY/lies >"$WORK/out" 2>&1 || fail 'pushing lies'
text=$(says docker image inspect $REGISTRY/lies | grep -e '^\$' -e '"Architecture"'; says docker run --rm $REGISTRY/lies; says uname -m)
shown image-lies-about-arch 'rbinfmt doctor {image}' image-lies-about-arch --message "$text"
ok 'an image with the wrong label: what is in it'

shown next 'rbinfmt doctor {image}' linux/arm/v6 --message "\$ docker run --rm $TOOL"
text="pi@zero:~ \$ uname -a
Linux zero 6.1.21+ #1642 Mon Apr  3 17:19:14 BST 2023 armv6l GNU/Linux
pi@zero:~ \$ docker run --rm $TOOL
container exited with code 139"
docker rmi $TOOL >"$WORK/out" 2>&1
printed armv6-vs-v7 'docker pull --platform linux/arm/v6 {image}' --message "$text" || fail 'pulling for arm/v6'
[ "$(docker image inspect --format '{{.Architecture}}{{.Variant}}' $TOOL)" = armv6 ] || fail 'the variant'
ok 'ARMv6: the variant is pulled'

docker pull -q --platform linux/arm64 $TOOL >"$WORK/out" 2>&1 || fail 'pulling arm64'
fails $TOOL
printed foreign-arch-no-handler 'docker run --privileged --rm {rbinfmt} --install {arch}' "$WORK/arm64/bin/busybox" ||
    fail 'registering by our image'
runs $TOOL aarch64
ok 'docker run --privileged of our image: programs of another architecture run'

# The C library of arm64, and a program that needs it.
docker run --rm --privileged "$IMAGE" --uninstall 'qemu-*' >"$WORK/out" 2>&1 || fail 'uninstall'
plain() { unshare --mount sh -c "mount -t binfmt_misc none $TABLE && printf '%s' '$1' >$TABLE/register && exec sleep 600" & PIDS+=("$!"); }
MAGIC='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
plain ":qemu-aarch64:M:0:$MAGIC:$CACHE/qemu/qemu-s390x-static:POCF"
wait_for 10 grep -q . <(entries)
text=$(says docker run --rm $TOOL)
shown qemu-invalid-elf 'rbinfmt doctor {image}' arm64 --message "$text"
ok 'an entry with the wrong emulator: what the image is'
clear_table
plain ":qemu-aarch64:M:0:$MAGIC:$CACHE/arm64/busybox:PF"
sleep 1
printed binfmt-interpreter-foreign 'docker run --pull=always --privileged --rm {rbinfmt} --install all' "$WORK/arm64/bin/busybox" ||
    fail 'installing all'
runs $TOOL aarch64
ok 'an emulator that is itself foreign: our image is pulled for this machine, and replaces it'
docker run --rm --privileged "$IMAGE" --uninstall 'qemu-*' >"$WORK/out" 2>&1 || fail 'uninstall'
[ -z "$(entries)" ] || fail "entries are left: $(entries)"
