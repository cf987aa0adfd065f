# shellcheck shell=bash
# One row: $MAKE, then $RUN, which has to end with $STATUS and to print $SAYS, then $AFTER. Nothing of it reaches the machine:
# /etc, /var/lib, /usr/local and the units are this script's own, with systemd among them.
kept=$(tar -C /etc -c passwd group ld.so.cache | base64 -w0)
for directory in /etc /var/lib /usr/local /usr/lib/systemd; do
    mount -t tmpfs -o mode=755 tmpfs $directory || fail "mounting $directory"
done
base64 -d <<<"$kept" | tar -C /etc -x
mkdir -p /etc/systemd/system
touch /usr/lib/systemd/systemd
unset RBINFMT_STORE
# shellcheck disable=SC2034 # for the rows
CONF=/etc/binfmt.d/rbinfmt.conf STORE=/var/lib/rbinfmt

# Directories with one emulator for arm64: one and two are versions that work, broken does not.
given() {
    mkdir -p "given/$1"
    case $1 in
        one) cp "$EMULATORS/qemu-aarch64-static" given/one/ ;;
        two) cp "$FIXTURES/qemu-5.2/qemu-aarch64-static" given/two/ ;;
        broken) cp "$EMULATORS/qemu-s390x-static" given/broken/qemu-aarch64-static ;;
        none) ;;
    esac
    echo "$PWD/given/$1"
}
# table NAME...: the entries are these.
table() { [ "$(names | tr '\n' ' ')" = "${*:+$* }" ] || fail "in the table: $(names)"; }
# A program of arm64 runs.
runs() { [ "$("$FIXTURES/arm64/busybox" echo runs)" = runs ] || fail 'a program of arm64 does not run'; }
runs_not() { ! "$FIXTURES/arm64/busybox" true 2>/dev/null || fail 'a program of arm64 runs'; }
# has TEXT FILE
has() { grep -qF -e "$1" "$2" || fail "no $1 in $2: $(cat "$2")"; }
gone() { for file; do [ ! -e "$file" ] || fail "$file is there"; done; }
is_there() { for file; do [ -e "$file" ] || fail "$file is not there"; done; }
# in_use TEXT: the version in use for arm64 is of this version, or has this id.
in_use() {
    rbinfmt emulators | tr '\n' ' ' | sed 's/verified by/\n/g' | grep -v 'not in use' | grep 'in use' >used.txt
    has "${1-in use}" used.txt
}
# A file that is there and cannot be read: its reads fail with EIO.
unreadable() { mount --bind "/proc/$$/mem" "$1" || fail "$1"; }
read_only() { mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || fail "$1"; }
# full DIRECTORY: a file system without room for an emulator
full() { mkdir -p "$1" && mount -t tmpfs -o size="${2-2M}",mode=755 tmpfs "$1" || fail "$1"; }
# Without the right to mount.
powerless() { setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$@"; }
tree() {
    mkdir -p tree/usr/lib/systemd tree/usr/bin tree/etc tree/var/lib
    touch tree/usr/lib/systemd/systemd
    cp "$EMULATORS/qemu-aarch64-static" tree/usr/bin/
}
# image ARCHITECTURE PROGRAM: a layout in the directory image, of this platform, which starts the program.
image() {
    mkdir -p image/blobs/sha256 root
    cp "$2" root/program
    tar -C root -cf layer .
    # blob FILE TYPE: its descriptor
    blob() {
        local digest
        digest=$(sha256sum <"$1" | cut -d' ' -f1)
        cp "$1" "image/blobs/sha256/$digest"
        echo "{\"mediaType\": \"application/vnd.oci.image.$2\", \"digest\": \"sha256:$digest\", \"size\": $(stat -c %s "$1")}"
    }
    echo "{\"os\": \"linux\", \"architecture\": \"$1\", \"config\": {\"Entrypoint\": [\"/program\"]},
        \"rootfs\": {\"type\": \"layers\", \"diff_ids\": [\"sha256:$(sha256sum <layer | cut -d' ' -f1)\"]}}" >config
    echo "{\"schemaVersion\": 2, \"config\": $(blob config config.v1+json), \"layers\": [$(blob layer layer.v1.tar)]}" >manifest
    echo "{\"schemaVersion\": 2, \"manifests\": [$(blob manifest manifest.v1+json)]}" >image/index.json
    echo '{"imageLayoutVersion": "1.0.0"}' >image/oci-layout
}
# All that can be changed, as text.
state() {
    for name in $(names); do
        echo "$name"
        cat "$TABLE/$name" 2>&1
    done
    cat "$TABLE/status" 2>&1
    find /etc /var/lib /usr/local tree -printf '%p %y %m %l\n' -type f -exec cksum {} + 2>/dev/null | sort
}

eval "$MAKE"
state >"$SCRATCH/before.state"
got=0
(
    trap 'kill -9 $(jobs -p) 2>/dev/null' EXIT
    eval "$RUN"
) >out.txt 2>err.txt || got=$?
said="$(head -c 3000 out.txt err.txt)"
[ "$got" = "$STATUS" ] || fail "$RUN -> $got, not $STATUS
$said"
! grep -q panicked err.txt || fail "$said"
[ -z "$SAYS" ] || grep -qF -e "$SAYS" out.txt err.txt || fail "does not say: $SAYS
$said"
if [ "$STATUS" = 2 ]; then
    state | diff "$SCRATCH/before.state" - >&2 || fail "changed something
$said"
fi
eval "$AFTER"
