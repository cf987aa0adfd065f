# shellcheck shell=bash
# Debian's packages without touching the machine: sourced, with $TO set to the directory that everything goes below.

# Where this machine gets Debian from.
host_source() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$3 == "main" && $2 ~ /^(bullseye|bookworm|trixie|forky|sid|(old)*stable|testing|unstable)$/ { print $1; exit }'
}

# root SUITE ARCH...: apt directories for a suite; prints the configuration's path.
root() {
    local suite=$1 dir=$TO/apt/$1 keys=/usr/share/keyrings/debian-archive-keyring.gpg uri
    shift
    uri=$(host_source)
    [ -n "$uri" ] || { echo "no Debian source in this machine's apt configuration" >&2; return 1; }
    [ -e "$keys" ] || keys=
    mkdir -p "$dir"/{sources,state/lists/partial,cache/archives/partial}
    touch "$dir/state/status"
    echo "deb [${keys:+signed-by=$keys }arch=$(IFS=,; echo "$*")] $uri $suite main" >"$dir/sources.list"
    cat >"$dir/apt.conf" <<CONF
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "$dir/sources";
Dir::State "$dir/state";
Dir::State::status "$dir/state/status";
Dir::Cache "$dir/cache";
APT::Architecture "$1";
APT::Architectures { $(printf '"%s"; ' "$@")};
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::Check-Valid-Until "false";
CONF
    APT_CONFIG=$dir/apt.conf apt-get update -qq -o APT::Update::Error-Mode=any >&2 || return 1
    echo "$dir/apt.conf"
}

# package CONF NAME:ARCH DIR: downloads it and unpacks it there.
package() {
    local load=$3.load
    rm -rf "$load" "$3"
    mkdir -p "$load" "$3"
    (cd "$load" && APT_CONFIG=$1 apt-get download -qq "$2" >&2) || return 1
    dpkg-deb -x "$load"/*.deb "$3" || return 1
    rm -rf "$load"
}
