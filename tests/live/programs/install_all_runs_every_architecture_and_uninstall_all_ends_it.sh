# shellcheck shell=bash
must rb install all >&2
for pair in $ARCHS; do
    said=$("$FIXTURES"/"${pair%:*}"/busybox uname -m)
    # i386 is the kernel's own business on x86_64, and uname then is the machine's.
    [ "$pair" = i386:i686 ] || [ "$said" = "${pair#*:}" ] || fail "$pair says $said"
done
rb status --json > status.json
must rb uninstall all >&2
[ -z "$(names)" ] || fail "$(names)"
for pair in $ARCHS; do
    [ "$pair" = i386:i686 ] || wants 126 "$FIXTURES"/"${pair%:*}"/busybox true
done
cat status.json
