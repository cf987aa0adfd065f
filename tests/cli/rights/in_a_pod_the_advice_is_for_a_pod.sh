# shellcheck shell=bash
export KUBERNETES_SERVICE_HOST=192.0.2.1
for verb in 'install arm64' '--install arm64' 'uninstall all' status ''; do
    # shellcheck disable=SC2086 # words
    wants 3 setpriv --bounding-set -sys_admin --inh-caps -sys_admin rbinfmt --private $verb --emulators "$EMULATORS" 2>err.txt
    grep -q 'help: set `securityContext.privileged: true`' err.txt || fail "$verb: $(cat err.txt)"
    ! grep -q docker err.txt || fail "$verb: $(cat err.txt)"
done
mkdir empty
wants 1 rbinfmt --private install arm64 --emulators "$EMULATORS" --persist="$PWD/empty" 2>err.txt
grep -q 'help: .*hostPath: {path: /}' err.txt || fail "$(cat err.txt)"
