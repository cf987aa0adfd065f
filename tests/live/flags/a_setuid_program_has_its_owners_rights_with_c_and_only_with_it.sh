# shellcheck shell=bash
chmod 755 .
cp "$FIXTURES/arm64/bash" rootbash
chmod 4755 rootbash
as_user() { setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }
must rb install arm64
said=$(as_user ./rootbash -p -c 'echo $EUID of $UID')
[ "$said" = '0 of 1000' ] || fail "with C: $said"
must rb install arm64 --no-credentials
said=$(as_user ./rootbash -p -c 'echo $EUID of $UID')
[ "$said" = '1000 of 1000' ] || fail "without C: $said"
must rb install arm64
said=$(as_user ./rootbash -p -c 'echo $EUID of $UID')
[ "$said" = '0 of 1000' ] || fail "with C again: $said"
