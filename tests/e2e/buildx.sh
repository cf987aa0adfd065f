#!/bin/bash
# buildx and BuildKit: the platforms they list, a build for several platforms whose steps are run by the emulators, pushed
# to a registry and run from it; with the engine's own BuildKit, and with buildx's docker-container driver.
# usage: tests/e2e/buildx.sh     as root, after tests/e2e/image.sh
#
# The engine is that of Debian 13 with containerd's image store, extracted beside the machine's own and not installed.
set -uo pipefail
. "$(dirname "$0")/engine.sh"
. "$HERE/images.sh"
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

rbinfmt() { docker run --rm --privileged rbinfmt "$@" >"$WORK/out" 2>&1; }
BUILDER=default
at_end() {
    [ $BUILDER = default ] || docker buildx rm $BUILDER >/dev/null 2>&1
    [ -z "$(entries)" ] || rbinfmt --uninstall 'qemu-*'
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
rbinfmt install all || fail 'install all'
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
started=$SECONDS
if buildkit "$CACHE/buildkit"; then
    echo "buildkitd is there: $((SECONDS - started)) s"
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
else
    skipped - 'buildkitd could not be built here'
fi

rbinfmt uninstall all || fail 'uninstall all'
[ -z "$(entries)" ] || fail "entries are left: $(entries)"
! build && grep -q 'exec format error' "$WORK/out" || fail 'a build runs after uninstall'
ok 'after uninstall all it fails as before, and no entry is left'
