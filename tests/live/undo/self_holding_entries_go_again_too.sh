# shellcheck shell=bash
unshare --mount rbinfmt --private --emulators "$EMULATORS" install arm64 zz --keep entries --profiles profiles
got=$?
wants 126 "$FIXTURES/arm64/busybox" true 2>/dev/null
exit $got
