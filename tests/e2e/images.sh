# Images of other architectures, made of the fixtures' static programs: sourced after engine.sh.
# A platform, the fixture's folder, and what `uname -m` says there.
FOREIGN='linux/arm64 arm64 aarch64
linux/arm/v7 armhf armv7l
linux/ppc64le ppc64el ppc64le
linux/s390x s390x s390x
linux/riscv64 riscv64 riscv64
linux/mips64le mips64el mips64
linux/386 i386 x86_64'
REGISTRY=127.0.0.1:5055

have_programs() {
    local platform arch machine
    while read -r platform arch machine; do
        [ -x "$CACHE/$arch/busybox" ] || skip "the programs of $platform could not be fetched (tests/fixtures.sh)"
    done <<<"$FOREIGN"
}

# context ARCH FOLDER: a root with busybox in it.
context() {
    mkdir -p "$2/bin" "$2/tmp" "$2/etc"
    cp "$CACHE/$1/busybox" "$2/bin/busybox"
    local name
    for name in sh cat echo id uname; do ln -f "$2/bin/busybox" "$2/bin/$name"; done
    echo 'root:x:0:0:root:/:/bin/sh' >"$2/etc/passwd"
}

start_registry() {
    need docker-registry curl
    mkdir -p "$WORK/registry"
    cat >"$WORK/registry.yml" <<YAML
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $WORK/registry}, delete: {enabled: true}}
http: {addr: $REGISTRY}
YAML
    docker-registry serve "$WORK/registry.yml" >"$WORK/registry.log" 2>&1 &
    PIDS+=("$!")
    wait_for 20 curl --noproxy '*' -fs "http://$REGISTRY/v2/" || skip 'docker-registry does not start here'
}
