# shellcheck shell=bash
# What every script of the Rust tests can use; tests/common/mod.rs runs it first, in a sandbox with a table of its own.
# From there come $SCRATCH (an empty directory), $EMULATORS (Debian's) and $FIXTURES (tests/fixtures.sh).
set -u
# shellcheck source=../report.sh
. "${BASH_SOURCE%/*}/../report.sh"
NAME=
cd "$SCRATCH" || fail "$SCRATCH"
# Nothing may outlive the script: it would keep the test waiting.
# shellcheck disable=SC2046 # words
trap 'kill -9 $(jobs -p) 2>/dev/null' EXIT
TABLE=/proc/sys/fs/binfmt_misc

# rbinfmt with Debian's emulators.
rb() { rbinfmt --emulators "$EMULATORS" "$@"; }
must() { "$@" || fail "$* -> $?"; }
# wants STATUS COMMAND...: the command ends with that status.
wants() {
    local want=$1 got=0
    shift
    "$@" || got=$?
    [ "$got" = "$want" ] || fail "$* -> $got, not $want"
}
# soon COMMAND...: it succeeds within a minute; if not, hold.txt may say why.
soon() {
    for _ in {1..600}; do
        "$@" && return
        sleep 0.1
    done
    fail "never: $*: $(cat hold.txt)"
}
# stranger NAME INTERPRETER FLAGS [MAGIC MASK]: an entry that rbinfmt did not make.
ARM64='\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
ARM64_MASK='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
stranger() { printf '%s' ":$1:M::${4-$ARM64}:${5-$ARM64_MASK}:$2:$3" >$TABLE/register || fail "registering $1"; }
# The entries of the table.
names() { find $TABLE -mindepth 1 -maxdepth 1 ! -name register ! -name status -printf '%f\n' | sort; }
