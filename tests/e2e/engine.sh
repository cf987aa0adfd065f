# shellcheck shell=bash
# Real container engines of the tests' own: sourced. Their data is in the directory of fixtures, all else in a temporary one.
# Docker gets no bridge, no rules of a firewall, and no way to a registry outside. Whatever is started is ended by its
# number, and nothing stays in the machine's table.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${RBINFMT_TEST_CACHE:-$HERE/../.cache}
TABLE=/proc/sys/fs/binfmt_misc
PATH=/usr/sbin:/usr/bin:$PATH # Debian's docker before another client
PIDS=()

# shellcheck source=../report.sh
. "$HERE/../report.sh"

# What a fresh mount of the table, in mounts of its own, shows; what is held by a mount is seen there too.
entries() {
    unshare --mount --propagation private sh -c "mount -t binfmt_misc binfmt_misc $TABLE && ls $TABLE" |
        grep -vx -e register -e status
}
mounted() { grep -q ' - binfmt_misc ' "/proc/${1:-self}/mountinfo"; }

# The rights and the empty table that a script needs that registers with the machine's kernel.
need_table() {
    [ "$(id -u)" = 0 ] || skip root "only root can change the machine's table"
    [ "$(readlink /proc/self/ns/user)" = 'user:[4026531837]' ] || skip root 'this is a user namespace'
    [ "$(uname -m)" = x86_64 ] || skip x86_64 'the image and the emulators are made for x86_64 here'
    unshare --mount --propagation private mount -t binfmt_misc binfmt_misc $TABLE 2>/dev/null ||
        skip - 'binfmt_misc cannot be mounted here'
    [ -z "$(entries)" ] || skip - "the table is in use: $(entries | tr '\n' ' ')"
    TABLE_WAS_EMPTY=1
}
# All that is in the table is then of this script, also where it was ended before it could ask an engine to remove it.
clear_table() {
    [ "${TABLE_WAS_EMPTY-}" != 1 ] ||
        unshare --mount --propagation private sh -c "mount -t binfmt_misc binfmt_misc $TABLE && echo -1 >$TABLE/status"
}

# need COMMAND...
need() {
    local command
    for command; do command -v "$command" >/dev/null || skip - "$command is not installed"; done
}

# wait_for SECONDS COMMAND...
wait_for() {
    local until=$((SECONDS + $1))
    shift
    while ! "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.3
    done
}

# Ends a process of ours and waits for it.
end() {
    kill "$1" 2>/dev/null && wait "$1" 2>/dev/null
    return 0
}

# What is mounted below a directory.
unmount() {
    awk -v top="$1/" 'index($5, top) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
        while read -r place; do umount "$place"; done
}

clean() {
    trap - EXIT
    declare -F at_end >/dev/null && at_end
    local pid
    for pid in "${PIDS[@]}"; do end "$pid"; done
    clear_table
    unmount "$WORK"
    # What could not be unmounted is not ours to empty.
    rm -rf --one-file-system "$WORK"
}
WORK=$(mktemp -d)
mkdir -p "$CACHE"
CACHE=$(cd "$CACHE" && pwd)
# shellcheck disable=SC2034 # for those that source this
IMAGE_FILE=$CACHE/image/rbinfmt.tar # as image.sh leaves it
trap clean EXIT
trap 'exit 1' INT TERM HUP

# A machine that lacks CAP_SYS_RESOURCE cannot give it to a privileged container: the runtime is asked for the rest.
# runtime NAME: the path of what is to be used.
runtime() {
    local has to=$WORK/runtime/$1
    has=$(setpriv --dump | sed -n 's/^Capability bounding set: //p')
    case ,$has, in *,sys_resource,*) command -v "$1"; return ;; esac
    mkdir -p "$WORK/runtime"
    cat >"$to" <<SCRIPT
#!/bin/bash
file= previous=
for word; do
    case \$previous in
        --bundle | -b) file=\$word/config.json ;;
        --process | -p) file=\$word ;;
    esac
    case \$word in
        --bundle=*) file=\${word#*=}/config.json ;;
        --process=*) file=\${word#*=} ;;
    esac
    previous=\$word
done
if [ -f "\$file" ]; then
    jq -c 'def fewer: (.capabilities // {}) |= map_values(map(select(. != "CAP_SYS_RESOURCE"))) | del(.rlimits);
        if .process then .process |= fewer else fewer end' "\$file" >"\$file.new" && cat "\$file.new" >"\$file"
fi
exec $(command -v "$1") "\$@"
SCRIPT
    chmod +x "$to"
    echo "$to"
}

# start_docker [DIR [FLAG...]]: dockerd with its data in DIR; ENGINE is its number.
start_docker() {
    local data=${1:-$CACHE/docker}
    shift || true
    need dockerd docker containerd runc jq setpriv
    mkdir -p "$data" "$WORK/client"
    [ -e "$WORK/client/config.json" ] || echo '{}' >"$WORK/client/config.json"
    export DOCKER_HOST=unix://$WORK/docker.sock DOCKER_CONFIG=$WORK/client
    # A proxy that is not there: nothing is pulled from outside, whatever its name.
    HTTP_PROXY=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9 NO_PROXY=127.0.0.0/8 dockerd \
        --host "$DOCKER_HOST" --data-root "$data" --exec-root "$WORK/run" --pidfile "$WORK/docker.pid" \
        --bridge none --iptables=false --ip6tables=false --add-runtime "tests=$(runtime runc)" --default-runtime tests "$@" \
        >"$WORK/dockerd.log" 2>&1 &
    ENGINE=$!
    PIDS+=("$ENGINE")
    wait_for 60 docker version || { tail -n 5 "$WORK/dockerd.log" >&2; skip - 'dockerd does not start here'; }
    docker version --format 'docker client {{.Client.Version}}, engine {{.Server.Version}}'
}

stop_docker() {
    end "$ENGINE"
    unmount "$WORK/run"
}
