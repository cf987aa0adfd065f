# shellcheck shell=bash
# shellcheck source=nobody.sh
. "${BASH_SOURCE%/*}/nobody.sh"
user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
is_held() { ! flock --nonblock "$1" true; }
must ./rbinfmt fetch arm64 --from "$PWD/emulators"
for file in "$TABLE/register" "$RBINFMT_STORE/lock"; do
    wants 66 "${user[@]}" flock --nonblock "$file" true 2>err.txt
    grep -q 'Permission denied' err.txt || fail "$file: $(cat err.txt)"
done
# All that a user can open.
for file in "$TABLE" "$TABLE/status" "$RBINFMT_STORE" "$RBINFMT_STORE"/current.json "$RBINFMT_STORE"/versions; do
    "${user[@]}" flock --no-fork "$file" sleep 1000 &
    until is_held "$file"; do sleep 0.05; done
done
# Where one of them is waited for, two minutes later this is status 3.
must ./rbinfmt --emulators "$PWD/emulators" install arm64
must ./rbinfmt --emulators "$PWD/emulators" install arm64 --no-credentials
must ./rbinfmt fetch arm64 --use --from "$PWD/emulators"
must ./rbinfmt emulators gc
must ./rbinfmt uninstall all
is_held "$TABLE/status" || fail 'the user has let it go'
