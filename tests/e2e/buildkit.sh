# shellcheck shell=bash
# BuildKit's daemon and its client, for buildx's docker-container driver: sourced after engine.sh and apt.sh. No registry is
# asked for their image: they are built of Debian's packages of BuildKit and of its libraries, with Debian's Go.

# Libraries that apt does not know golang-github-docker-docker-dev, which has BuildKit in it, to need for the two programs.
LIBRARIES='agext-levenshtein aws-aws-sdk-go-v2 aws-smithy-go dimchansky-utfbom gofrs-flock google-shlex vbatts-tar-split'

# buildkit DIR: buildkitd and buildctl, static, in DIR.
buildkit() {
    local to=$1 top=$WORK/buildkit conf file
    [ ! -e "$to/complete" ] || return 0
    conf=$(root trixie amd64) || return 1
    mkdir -p "$to" "$top/packages" "$top/root"
    (
        cd "$top/packages" || exit
        export APT_CONFIG=$conf
        # shellcheck disable=SC2046,SC2086 # names
        apt-get install -s --no-install-recommends golang-go golang-github-docker-docker-dev \
            $(printf 'golang-github-%s-dev ' $LIBRARIES) |
            awk '$1 == "Inst" && $2 ~ /^golang/ { print $2 }' | xargs apt-get download -qq || exit
        # What no package has is in the sources alone: BuildKit's own copies of libraries, and the file that lets Go look for
        # one's second version in its only directory.
        sed 's/^deb /deb-src /' "${conf%/*}/sources.list" >"${conf%/*}/sources/source.list"
        apt-get update -qq && apt-get source -qq --download-only --tar-only docker.io
    ) >&2 || return 1
    for file in "$top"/packages/*.deb; do
        dpkg-deb -x "$file" "$top/root" || return 1
    done
    mv "$top/root/usr/share/gocode" "$top/path"
    tar -x -C "$top/path/src/github.com/moby" -f "$top"/packages/*.orig-buildkit.tar.xz \
        ./buildkit/go.mod ./buildkit/vendor || return 1
    (
        GOROOT=$(echo "$top"/root/usr/lib/go-*)
        export GOROOT GOPATH=$top/path GOCACHE=$top/cache GO111MODULE=off GOPROXY=off CGO_ENABLED=0
        cd "$top/path/src/github.com/moby/buildkit" &&
            "$GOROOT/bin/go" build -trimpath -ldflags '-s -w' -o "$to/" ./cmd/buildkitd ./cmd/buildctl
    ) >&2 || return 1
    rm -rf "$top"
    touch "$to/complete"
}

# buildkit_image DIR TAG: an image of them and of this machine's runc.
buildkit_image() {
    local top=$WORK/buildkit-image runc file
    runc=$(command -v runc)
    mkdir -p "$top/usr/bin" "$top/tmp"
    cp "$1"/build* "$runc" "$top/usr/bin/"
    ldd "$runc" | grep -o '/[^ ]*' | while read -r file; do
        mkdir -p "$top$(dirname "$file")" && cp -L "$file" "$top$file"
    done
    printf 'FROM scratch\nCOPY . /\nENV PATH=/usr/bin\nENTRYPOINT ["/usr/bin/buildkitd"]\n' >"$top/Dockerfile"
    docker build -q -t "$2" "$top" >"$WORK/out" 2>&1
}
