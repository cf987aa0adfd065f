# shellcheck shell=bash
QEMU_BINARY_PATH=$EMULATORS rbinfmt --private --version; got=$?
grep ' - binfmt_misc ' /proc/self/mountinfo && fail 'it mounted the table'
exit $got
