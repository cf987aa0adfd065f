# shellcheck shell=bash
# A root without CAP_SYS_ADMIN, as docker run makes it without --privileged.
for verb in 'install arm64' status; do
    # shellcheck disable=SC2086 # words
    wants 3 setpriv --bounding-set -sys_admin --inh-caps -sys_admin rbinfmt --private $verb --emulators "$EMULATORS" 2>err.txt
    grep -q 'this container may not mount it' err.txt && grep -q -- '--privileged' err.txt || fail "$verb: $(cat err.txt)"
done
! grep ' - binfmt_misc ' /proc/self/mountinfo || fail mounted
