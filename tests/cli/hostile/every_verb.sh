# shellcheck shell=bash
# Every verb where $HOSTILE is the name of something; what they print goes to standard output, each after a line "== N".
exec 2>&1
name=$HOSTILE
count=0
# try ARGUMENT...: whatever it ends with.
try() {
    count=$((count + 1))
    echo "== $count $(printf '%q ' "${@:1:2}" | LC_ALL=C tr -cd 'a-zA-Z0-9 ./:-')"
    RBINFMT_STORE=${STORE-$PWD/store} timeout 60 rbinfmt "$@" </dev/null
    [ $? -lt 4 ] || fail "$count: $*"
}
# Files.
mkdir "d$name" "d$name/emulators" "d$name/profiles" "d$name/from"
printf '#!/no/%s\n' "${name//$'\n'/}" >"script$name"
printf '#!/bin/sh\n' >"crlf$name"
cp /bin/true "program$name"
at=$(grep -abo '/lib64/ld-' /bin/true | head -n 1 | cut -d: -f1)
printf '%s\0' "/${name:0:12}" | dd of="program$name" bs=1 seek="$at" conv=notrunc status=none
cp "$FIXTURES/arm64/busybox" "foreign$name"
head -c 30 /bin/true >"cut$name"
chmod +x "script$name" "program$name" "foreign$name" "cut$name" "crlf$name"
for file in "script$name" "program$name" "foreign$name" "cut$name" "crlf$name" "d$name" "nothing$name"; do
    try doctor "$file"
    try doctor --json "$file"
done
try doctor --root "d$name" "/x$name"
try doctor --root "no$name" /x
try doctor --as "u$name" /bin/true
try doctor --argv "a$name" "script$name"
try doctor --facts "f$name" /bin/true
try doctor --message "exec /x$name: exec format error"
try doctor --message "$(<message.txt)" --json
try doctor --message "$PWD/script$name: cannot execute: required file not found"
# Images.
for image in oci:layout "oci:layout:t$name" "oci:d$name" "docker-archive:a$name" "docker-daemon:i$name" "i$name"; do
    try doctor "$image" -q
    try doctor --json "$image"
done
try doctor oci:layout --platform "p$name"
# The table. A newline would make two writes of printf's.
register() { printf '%s' "$1" >string && cat string >"$TABLE/register" || fail registering; }
entry=${name//\//}
i=0
for flags in '' OC; do
    i=$((i + 1))
    register ":e$i$entry:M::HOSTILE$i::/no/i$name:$flags"
done
register ":qemu-aarch64:M::$ARM64:$ARM64_MASK:/no/i$name:OC"
cp /bin/cat "kept$name"
register ":kept$entry:M::KEPT::$PWD/kept$name:F"
chmod o+w "kept$name"
for verb in status 'status --json' 'doctor --no-engines' 'doctor --no-engines -v' 'doctor --no-engines --json' 'doctor --no-engines --report'; do
    # shellcheck disable=SC2086 # words
    try $verb
done
try doctor "$FIXTURES/arm64/busybox"
try uninstall "e1$entry" --dry-run
try uninstall "e1$entry"
try uninstall "e2*" --force --json
try uninstall "[$name"
try --uninstall "e2$entry"
# What is asked for, and where from.
printf 'x = "%s' "$name" >"d$name/profiles/p$name.toml"
printf 'architectures = ["%s"]\n' "${name//$'\n'/}" >"d$name/config.toml"
printf 'garbage' >"d$name/emulators/qemu-aarch64"
chmod +x "d$name/emulators/qemu-aarch64"
try profiles --profiles "d$name/profiles"
try install "a$name"
try install arm64 --emulators "d$name/emulators"
try install arm64 --emulators "d$name/emulators" --json
try install arm64 --emulators "d$name/none"
try install --config "d$name/config.toml"
try install --config "no$name"
try --install "a$name"
try "--$name"
try "$name"
try explain "c$name"
try export arm64 --emulators "d$name/emulators"
try enable --root "d$name" arm64
try disable --root "d$name"
for from in "d$name/none" "d$name/from" "oci:d$name" "docker-archive:a$name"; do
    try fetch arm64 --from "$from"
done
printf x >"d$name/from/qemu-aarch64"
try fetch arm64 --from "d$name/from"
mkdir members
printf x >"members/qemu-aarch64"
printf x >"members/m$name"
tar -C members -cf "m$name.tar" . 2>/dev/null
try fetch arm64 --from "m$name.tar"
tar -cPf "up.tar" --transform="s|^members|../members|" members 2>/dev/null
try fetch arm64 --from up.tar
# Each of these is tried some times, with pauses: side by side, and what they say one after the other.
if [ -n "$PORT" ]; then
    first=$count
    aside() {
        STORE="$PWD/store$count" try "$@" >"said$count" &
        count=$((count + 1))
    }
    aside doctor "docker://127.0.0.1:$PORT/x"
    aside fetch arm64 --from "docker://127.0.0.1:$PORT/x"
    aside fetch arm64 --from "docker://127.0.0.1:$PORT/x:latest"
    aside fetch arm64 --mirror "http://127.0.0.1:$PORT/$name" --suite "s$name"
    aside fetch arm64 --mirror "http://127.0.0.1:$PORT/x"
    wait
    for ((at = first; at < count; at++)); do cat "said$at"; done
fi
try fetch arm64 --keyring "k$name"
try fetch "a$name"
try emulators
try emulators use "v$name"
try emulators remove "v$name"
try emulators path "v$name"
try emulators link "d$name" "v$name"
try emulators unlink "d$name"
STORE="$PWD/d$name/store" try emulators --json
STORE="$PWD/file" try emulators gc
try upgrade "a$name"
