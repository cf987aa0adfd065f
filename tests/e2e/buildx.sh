#!/bin/bash
# buildx and BuildKit: the platforms they list, a build for several platforms whose steps are run by the emulators, pushed
# to a registry and run from it; with the engine's own BuildKit, and with buildx's docker-container driver.
# usage: tests/e2e/buildx.sh     as root, after tests/e2e/image.sh
#
# The engine is that of Debian 13 with containerd's image store, extracted beside the machine's own and not installed.
set -uo pipefail
. "$(dirname "$0")/engine.sh"
. "$HERE/images.sh"
. "$HERE/printed.sh"
TO=$CACHE/docker-trixie
. "$HERE/../apt.sh"
. "$HERE/buildkit.sh"

need_table
have_programs
[ -e "$IMAGE_FILE" ] || skip - 'there is no image: tests/e2e/image.sh builds it'
mkdir -p "$TO"
if [ ! -e "$TO/complete" ]; then
    conf=$(root trixie amd64) || skip - 'no mirror can be reached'
    for name in docker.io docker-cli docker-buildx; do
        package "$conf" $name:amd64 "$TO/$name" || skip - "$name of trixie could not be fetched"
    done
    touch "$TO/complete"
fi
PATH=$TO/docker.io/usr/sbin:$TO/docker.io/usr/bin:$TO/docker-cli/usr/bin:$PATH
mkdir -p "$WORK/client/cli-plugins"
ln -s "$TO/docker-buildx/usr/libexec/docker/cli-plugins/docker-buildx" "$WORK/client/cli-plugins/"
echo '{"features": {"containerd-snapshotter": true}}' >"$WORK/daemon.json"
start_docker "$WORK/data" --config-file "$WORK/daemon.json"
docker buildx version
docker load --quiet <"$IMAGE_FILE" || fail 'docker load'
start_registry

rbinfmt() { docker run --rm --privileged rbinfmt "$@"; }
ours() { rbinfmt "$@" >"$WORK/out" 2>&1; }
BUILDER=default
at_end() {
    [ $BUILDER = default ] || docker buildx rm $BUILDER >/dev/null 2>&1
    docker buildx ls --format '{{.Name}}' 2>/dev/null | grep -vx default | xargs -r -n 1 docker buildx rm >/dev/null 2>&1
    [ -z "$(entries)" ] || ours --uninstall 'qemu-*'
}

mkdir "$WORK/context"
while read -r platform arch _; do
    # TARGETARCH and TARGETVARIANT as BuildKit writes them.
    context "$arch" "$WORK/context/$(echo "${platform#linux/}" | tr -d /)"
done <<<"$FOREIGN"
cat >"$WORK/context/Dockerfile" <<'DOCKERFILE'
FROM scratch
ARG TARGETARCH
ARG TARGETVARIANT
COPY ${TARGETARCH}${TARGETVARIANT} /
RUN uname -m > /machine && cat /machine
CMD ["/bin/cat", "/machine"]
DOCKERFILE
PLATFORMS=$(cut -d' ' -f1 <<<"$FOREIGN" | paste -sd,)
build() {
    docker buildx build --builder $BUILDER --progress plain --no-cache --provenance=false --network none --platform "$PLATFORMS" --tag $REGISTRY/built --push \
        "$WORK/context" >"$WORK/out" 2>&1
}
lists() { docker buildx inspect $BUILDER | grep -q "^Platforms:.*$1"; }
# Debian's BuildKit asks for neither of the 32-bit platforms, not even for 386, which needs no emulator.
lists_all() {
    local platform
    for platform in ${PLATFORMS//,/ }; do
        case $platform in linux/386 | linux/arm/v7) continue ;; esac
        lists "$platform" || return 1
    done
}

! lists linux/s390x || fail 'buildx lists linux/s390x before anything is installed'
! build && grep -q 'exec format error' "$WORK/out" || fail 'a build runs before anything is installed'
ok 'before: a build for other platforms fails: exec format error'

# What the doctor says of builders, done. The image that buildx asks for is there under its name: nothing is pulled.
advice() {
    local text
    buildkit_image "$CACHE/buildkit" moby/buildkit:buildx-stable-1 || fail 'the image of buildkitd'
    mkdir "$WORK/small"
    printf 'FROM scratch\nCOPY Dockerfile /\n' >"$WORK/small/Dockerfile"
    cd "$WORK/small" || exit
    says() {
        echo "\$ $*"
        "$@" 2>&1 </dev/null
    }
    several() { docker buildx build --platform linux/amd64,linux/arm64 --output "type=oci,dest=$WORK/several.tar" . >"$WORK/out" 2>&1; }

    printed lambda-arch 'docker build --platform linux/amd64 --provenance=false .' \
        --message 'fork/exec /lambda-entrypoint.sh: exec format error' || fail 'docker build for amd64'
    ok 'an image is built for the platform of a service'

    docker buildx build --platform linux/amd64,linux/arm64 --tag $REGISTRY/small --push . >"$WORK/out" 2>&1 || fail 'pushing an image'
    text=$(says docker run --platform linux/riscv64 --rm $REGISTRY/small)
    shown no-matching-manifest 'docker buildx imagetools inspect {image}' linux/amd64 --message "$text"
    ok 'an image without a build for a platform: which it has'

    printed buildx-docker-driver 'docker buildx create --name multi --driver docker-container --bootstrap --use' \
        --message 'ERROR: Multi-platform build is not supported for the docker driver.' || fail 'docker buildx create'
    docker buildx inspect | grep -q '^Driver: *docker-container' && several || fail 'a build for two platforms'
    ok 'a builder for several platforms is made'

    # As where the emulator was registered after the builder was made.
    text=$(printf '$ cat /proc/sys/fs/binfmt_misc/qemu-aarch64\nenabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: POCF\n'
        says docker buildx ls
        printf '#5 [linux/arm64 2/2] RUN uname -m\n#5 0.1 exec /bin/sh: exec format error\n')
    printed buildx-platforms-stale 'docker buildx stop && docker buildx inspect --bootstrap' --message "$text" || fail 'docker buildx stop'
    grep -q '^Status: *running' "$WORK/out" || fail 'the builder is not running'
    ok 'a builder is started again'

    printed qemu-nested-buildkit 'docker buildx rm && docker buildx create --use --bootstrap' \
        --message 'level=warning msg="emulator for linux/arm64: exec: buildkit-qemu-aarch64: executable file not found"' ||
        fail 'docker buildx rm'
    docker buildx ls | grep -q '^multi' && fail 'the builder is still there'
    several || fail 'a build for two platforms'
    docker buildx rm >"$WORK/out" 2>&1 || fail 'buildx rm'
    ok 'a builder is made again'
    cd / || exit
}
started=$SECONDS
if buildkit "$CACHE/buildkit"; then
    echo "buildkitd is there: $((SECONDS - started)) s"
    advice
else
    skipped - 'buildkitd could not be built here'
fi

ours install all || fail 'install all'
build || fail 'the build'
ok "after install all the same build runs its steps for $PLATFORMS"
# BuildKit looks again after up to 20 seconds.
wait_for 40 lists_all || { docker buildx ls >"$WORK/out"; fail 'buildx ls'; }
ok 'buildx ls lists those that it asks for'
docker buildx ls | tail -n 2

runs_from_registry() {
    local platform machine digest got
    docker buildx imagetools inspect $REGISTRY/built >"$WORK/out" 2>&1 || fail 'imagetools inspect'
    digest=$(sed -n 's/^Digest: *//p' "$WORK/out")
    while read -r platform _ machine; do
        grep -q "Platform: *$platform\$" "$WORK/out" || fail "imagetools inspect does not list $platform"
        got=$(docker run --rm --pull always --quiet --platform "$platform" "$REGISTRY/built@$digest" 2>&1 </dev/null | tail -n 1)
        [ "$got" = "$machine" ] || fail "$platform from the registry: $got"
    done <<<"$FOREIGN"
    echo "by the digest $digest"
}
runs_from_registry
ok 'imagetools inspect lists them, and each runs from the registry'

# BuildKit in a container of its own: it sees the machine's entries, whatever is mounted in it.
if [ -e "$CACHE/buildkit/complete" ]; then
    buildkit_image "$CACHE/buildkit" buildkit || fail 'the image of buildkitd'
    printf '[registry."%s"]\n  http = true\n' "$REGISTRY" >"$WORK/buildkitd.toml"
    docker buildx create --name tests --driver docker-container --driver-opt image=buildkit,network=host \
        --config "$WORK/buildkitd.toml" --bootstrap >"$WORK/out" 2>&1 || fail 'buildx create'
    BUILDER=tests
    docker buildx inspect $BUILDER | grep -E '^(Driver|BuildKit|Platforms)'
    wait_for 40 lists_all || { docker buildx inspect $BUILDER >"$WORK/out"; fail 'the platforms of the docker-container driver'; }
    build || fail 'the build of the docker-container driver'
    runs_from_registry
    ok 'the docker-container driver lists the platforms, and its build runs their steps'
    docker buildx rm $BUILDER >"$WORK/out" 2>&1 || fail 'buildx rm'
    BUILDER=default
fi

ours uninstall all || fail 'uninstall all'
[ -z "$(entries)" ] || fail "entries are left: $(entries)"
! build && grep -q 'exec format error' "$WORK/out" || fail 'a build runs after uninstall'
ok 'after uninstall all it fails as before, and no entry is left'
