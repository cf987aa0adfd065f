# shellcheck shell=bash
# Images of other architectures, made of the fixtures' static programs: sourced after engine.sh.
# A platform, the fixture's directory, and what `uname -m` says there.
FOREIGN='linux/arm64 arm64 aarch64
linux/arm/v7 armhf armv7l
linux/ppc64le ppc64el ppc64le
linux/s390x s390x s390x
linux/riscv64 riscv64 riscv64
linux/mips64le mips64el mips64
linux/386 i386 x86_64'
REGISTRY=127.0.0.1:5055

have_programs() {
    local platform arch
    while read -r platform arch _; do
        [ -x "$CACHE/$arch/busybox" ] || skip - "the programs of $platform could not be fetched (tests/fixtures.sh)"
    done <<<"$FOREIGN"
}

# context ARCH DIR: a root with busybox in it.
context() {
    mkdir -p "$2/bin" "$2/tmp" "$2/etc"
    cp "$CACHE/$1/busybox" "$2/bin/busybox"
    local name
    for name in sh cat echo id uname; do ln -f "$2/bin/busybox" "$2/bin/$name"; done
    echo 'root:x:0:0:root:/:/bin/sh' >"$2/etc/passwd"
}

# plain_image DIR: the image `plain`, which registers as is usual: mounts the table, writes a line, ends.
plain_image() {
    context i386 "$1"
    mkdir "$1/emulators"
    cp "$CACHE/qemu/qemu-aarch64-static" "$1/emulators/"
    cat >"$1/register" <<'SCRIPT'
#!/bin/sh
/bin/busybox mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
echo ':qemu-aarch64:M:0:\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/emulators/qemu-aarch64-static:POCF' >/proc/sys/fs/binfmt_misc/register
SCRIPT
    chmod +x "$1/register"
    printf 'FROM scratch\nCOPY . /\nENTRYPOINT ["/register"]\n' >"$1/Dockerfile"
    docker build -q -t plain "$1" >"$WORK/out" 2>&1
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
    wait_for 20 curl --noproxy '*' -fs "http://$REGISTRY/v2/" || skip - 'docker-registry does not start here'
}
