#!/bin/bash
# Milliseconds from `docker run` of an installer to the end of the first foreign program: our image, and the plain way
# (a shell that mounts the table and writes one line, and no more) beside it in the same run.
# usage: tests/e2e/bench-hello.sh [ROUNDS]     as root, after tests/e2e/image.sh
set -uo pipefail
. "$(dirname "$0")/engine.sh"
. "$HERE/images.sh"
ROUNDS=${1:-9}

need_table
have_programs
start_docker
docker image inspect rbinfmt >/dev/null 2>&1 || skip - 'there is no image: tests/e2e/image.sh builds it'
at_end() { [ -z "$(entries)" ] || docker run --rm --privileged rbinfmt --uninstall '*aarch64' >/dev/null 2>&1; }

context arm64 "$WORK/hello"
printf 'FROM scratch\nCOPY . /\nCMD ["/bin/echo", "Hello, arm64!"]\n' >"$WORK/hello/Dockerfile"
DOCKER_BUILDKIT=1 docker build -q --platform linux/arm64 -t hello-arm64 "$WORK/hello" >"$WORK/out" 2>&1 || fail 'the image of arm64'
plain_image "$WORK/plain" || fail 'the plain image'
# Somebody holds the table, or the plain way would end before the program starts.
unshare --mount --propagation private sh -c "mount -t binfmt_misc none $TABLE && echo >'$WORK/held' && exec sleep 600" &
PIDS+=("$!")
wait_for 10 test -e "$WORK/held" || fail 'holding the table'

now() { date +%s%N; }
# round NAME COMMAND...: installs, says hello, uninstalls; the time of the first two.
round() {
    local name=$1 from
    shift
    from=$(now)
    "$@" >"$WORK/out" 2>&1 || fail "$name"
    local installed
    installed=$(now)
    [ "$(docker run --rm --platform linux/arm64 hello-arm64 2>&1)" = 'Hello, arm64!' ] || fail "hello after $name"
    echo "$name $(((installed - from) / 1000000)) $((($(now) - from) / 1000000))" >>"$WORK/times"
    docker run --rm --privileged rbinfmt --uninstall 'qemu-*' >"$WORK/out" 2>&1 || fail 'uninstalling'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] " (" v[1] " to " v[NR] ")" }'; }

for _ in $(seq "$ROUNDS"); do
    round plain docker run --rm --privileged plain
    round one docker run --rm --privileged rbinfmt --install arm64
    round all docker run --rm --privileged rbinfmt --install all
done
echo "milliseconds, median of $ROUNDS rounds (least to most)"
for name in plain one all; do
    echo "$name: installed $(awk -v n=$name '$1 == n { print $2 }' "$WORK/times" | median), hello after $(awk -v n=$name '$1 == n { print $3 }' "$WORK/times" | median)"
done
