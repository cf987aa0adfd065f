# shellcheck shell=bash
stranger WSLInterop /init P MZ ''
stranger WSLInterop-late /init P MZ ''
for force in '' --force; do
    for pattern in '*' 'WSL*' 'W*p' '*Interop*' all; do
        must rb install arm64 >/dev/null
        # shellcheck disable=SC2086 # words
        rb uninstall "$pattern" $force >out.txt 2>&1
        [ -e "$TABLE/WSLInterop" ] && [ -e "$TABLE/WSLInterop-late" ] || fail "'$pattern' $force: $(cat out.txt)"
    done
done
must rb --uninstall '*' >/dev/null
[ -e "$TABLE/WSLInterop" ] || fail 'the drop-in'
wants 1 rb uninstall WSLInterop
[ -e "$TABLE/WSLInterop" ] || fail 'its name without --force'
must rb uninstall WSLInterop --force
[ ! -e "$TABLE/WSLInterop" ] || fail 'its name with --force'
