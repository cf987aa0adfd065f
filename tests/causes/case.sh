# shellcheck shell=bash
# One case, after the prelude of tests/common: MAKE, MESSAGE, RECORDED and IMAGE are in the environment, the doctor's arguments are ours.
# Writes before.json and status, image.json where the case is an image too; then waits for fix.sh, and writes after.json and cured.
# Fixes that are printed use the emulators of the tests as well, which are the newest there are.
rbinfmt() {
    if [ "$1 ${2-} ${3-}" = 'install --qemu latest' ]; then
        command rbinfmt install "${@:4}" --from "$EMULATORS"
    else
        command rbinfmt --emulators "$EMULATORS" "$@"
    fi
}
# old ARCH: the emulator in use is QEMU 5.2.
old() { must command rbinfmt install "$1" --from "$FIXTURES/qemu-5.2"; }
is_old() { command rbinfmt status | grep -q "5\.2\."; }
# facts SED...: this machine as another one: facts.json
facts() { rbinfmt doctor --report --no-engines --no-verify | grep '^{"schema"' | sed "$@" >facts.json; }
# machine SED...: the same, as the facts of a machine on which nothing is enclosed
machine() { facts -e 's/"first_user_namespace":false/"first_user_namespace":true/g; s/"container":"[^"]*"/"container":null/' -e "$1"; }
# le NUMBER BYTES
le() { local n=$1 i; for ((i = 0; i < $2; i++)); do printf '%b' "\\x$(printf %02x $((n & 255)))"; n=$((n >> 8)); done; }
# elf BITS MACHINE 'TYPE PERMISSIONS OFFSET SIZE ALIGNMENT [ADDRESS]'...: a header, little-endian, and those of its segments
# shellcheck disable=SC2086 # numbers and words
elf() {
    local w=$(($1 / 8)) machine=$2 head=$((40 + 3 * $1 / 8)) one; shift 2
    printf '\x7fELF'; le $((w / 4)) 1; printf '\1\1'; le 0 9; le 2 2; le $machine 2; le 1 4
    le $((0x400000)) $w; le $head $w; le 0 $w; le 0 4; le $head 2; le $((w == 8 ? 56 : 32)) 2; le $# 2; le 0 6
    for one; do
        set -- $one
        le $1 4; ((w == 4)) || le $2 4
        le $3 $w; le ${6-$((0x400000 + $3))} $w; le 0 $w; le $4 $w; le $4 $w
        ((w == 8)) || le $2 4; le $5 $w
    done
}
# asks BITS MACHINE LOADER: a program that asks for that loader
asks() {
    local at=$(($1 == 64 ? 176 : 116)) len=$((${#3} + 1))
    elf "$1" "$2" "3 4 $at $len 1" "1 5 0 $((at + len)) 65536"; printf '%s\0' "$3"
}
must eval "$MAKE"
made=$(ls -A) # names without blanks
# Without arguments it is this machine that is examined.
doctor() {
    [ $# != 0 ] || set -- --no-engines
    rbinfmt doctor --json "$@" 2>errors
}
ask() {
    [ "$MESSAGE" ] || { doctor "$@"; return; }
    bash -c "$MESSAGE" >message 2>&1
    doctor --message - <message
}
ask "$@" >before.json; echo $? >status
# pack ARGUMENT...: what those are about as an image
pack() {
    local options=() needs path sum
    while (($# > 1)); do
        if [ "$1" = --root ]; then shift; else options+=("$1"); fi
        shift
    done
    if [ -d root ]; then
        # shellcheck disable=SC2046 # names
        tar -cf layer.tar -C root $(ls -A root)
    else
        # What scripts and programs of this machine need, and after it what the case is about.
        needs=$(ldd /bin/sh /usr/bin/env | grep -o '/[^ :]*' | sort -u)
        # shellcheck disable=SC2046,SC2086 # names
        tar -chf layer.tar -C / $(printf '%s\n' /bin/sh /bin/bash /usr/bin/env $needs | cut -c2-)
        # shellcheck disable=SC2086 # names
        tar -cf made.tar --xattrs --xattrs-include='*' $made
        tar -Af layer.tar made.tar
    fi
    path=$1
    sum=$(sha256sum layer.tar | cut -c1-64)
    echo '{"os":"linux","architecture":"'"$IMAGE"'","config":{"Entrypoint":["/'"${path#*/}"'"]},
        "rootfs":{"type":"layers","diff_ids":["sha256:'"$sum"'"]}}' >config.json
    echo '[{"Config":"config.json","RepoTags":["case:1"],"Layers":["layer.tar"]}]' >manifest.json
    must tar -cf image.tar manifest.json config.json layer.tar
    doctor "${options[@]}" docker-archive:image.tar >image.json
}
[ -z "$IMAGE" ] || pack "$@"
: >asked
while [ ! -e fix.sh ]; do sleep 0.02; done
# shellcheck source=/dev/null
. ./fix.sh >fixed 2>&1
ask "$@" >after.json; echo $? >cured
# A cure that goes on in the background is the child of a job.
for job in $(jobs -p); do
    # shellcheck disable=SC2046 # numbers
    kill $(cat "/proc/$job/task/$job/children") 2>/dev/null
done
true
