#!/bin/bash
# A stanza of apt's sources is switched off by `Enabled: no`. apt knows six words for no (no, false, without, off, disable, 0), and takes every
# other one for yes without a word: `Enabled: disabled`, `Enabled: n` and `Enabled:` alone leave the source on. Of a field that is given twice
# the last counts, also silently, so a second `URIs:` replaces the first instead of adding to it.
#
# Expected: a warning. Seen: apt 2.6.1 (Debian 12).
. "$(dirname "$0")/common.sh"
packages 'apt=2.6.1' 'libapt-pkg6.0=2.6.1'
mkdir -p "$WORK"/{parts,state/lists/partial,cache/archives/partial}
: >"$WORK/status"
cat >"$WORK/apt.conf" <<CONF
Dir::Etc { sourcelist "/dev/null"; sourceparts "$WORK/parts"; parts "/dev/null"; }
Dir::State "$WORK/state"; Dir::State::status "$WORK/status"; Dir::Cache "$WORK/cache";
APT::Architecture "amd64";
CONF
# uris LINE...: where apt would get the indices of a stanza with these lines besides.
uris() {
    printf '%s\n' 'Types: deb' 'URIs: http://one.example/debian' 'Suites: bookworm' 'Components: main' "$@" >"$WORK/parts/a.sources"
    APT_CONFIG=$WORK/apt.conf LD_LIBRARY_PATH=$WORK/root/usr/lib/x86_64-linux-gnu "$WORK/root/usr/bin/apt-get" update --print-uris 2>&1 |
        grep -oE 'http://[a-z]*.example|^[EWN]:.*' | sort -u | tr '\n' ' '
}
for word in no false without off disable 0; do same "Enabled: $word" '' "$(uris "Enabled: $word")"; done
for word in disabled n none ''; do same "Enabled: $word" 'http://one.example ' "$(uris "Enabled: $word")"; done
same 'a second field URIs' 'http://two.example ' "$(uris 'URIs: http://two.example/debian')"
