#!/bin/bash
# What the callers that are engines of containers need. Sourced in a worker's own mounts and network, so nothing of it stays.
# usage: engines.sh FOLDER     makes FOLDER/root and FOLDER/root.tar (a system of busybox and this machine's C library) and
#                              FOLDER/config.json for runc and crun, starts dockerd where it is installed, with the image base:1, prints the address of
#                              its socket, and ends it when standard input ends
set -eu
FOLDER=$1
ROOT=$FOLDER/root
LIBRARIES=/lib/x86_64-linux-gnu

mkdir -p "$ROOT"/{bin,usr/bin,lib64,lib/x86_64-linux-gnu,proc,sys,dev,etc,tmp,run,srv}
cp "$(command -v busybox)" "$ROOT/bin/busybox"
ln -s busybox "$ROOT/bin/sh"
ln -s ../../bin/busybox "$ROOT/usr/bin/env"
cp -L /lib64/ld-linux-x86-64.so.2 "$ROOT/lib64/"
cp -L $LIBRARIES/libc.so.6 $LIBRARIES/libm.so.6 "$ROOT/$LIBRARIES/"
touch "$ROOT/etc/passwd"
tar -C "$ROOT" -cf "$FOLDER/root.tar" .

(cd "$FOLDER" && runc spec)
# The path is put in for each file. A machine may lack what the defaults ask for.
jq --arg root "$ROOT" '.process.args = ["@PATH@", "-v"] | .process.terminal = false | .process.cwd = "/"
    | .root = {path: $root, readonly: false} | .process.capabilities = {} | del(.process.rlimits, .linux.resources)
    | .mounts += [{destination: "@DIR@", type: "none", source: "@DIR@", options: ["rbind"]}]' \
    "$FOLDER/config.json" >"$FOLDER/config.json.new"
mv "$FOLDER/config.json.new" "$FOLDER/config.json"

. "$(dirname "$0")/../e2e/engine.sh" # the private engine of the tests; it leaves with 0 where there is none
start_docker "$FOLDER/docker" --storage-driver vfs >&2
docker import "$FOLDER/root.tar" base:1 >&2
echo "$DOCKER_HOST"
cat >/dev/null
