# shellcheck shell=bash
# nobody ARGUMENT...: rbinfmt as a user without rights, with the emulator of arm64.
chmod 755 . rbinfmt
mkdir emulators
cp "$EMULATORS/qemu-aarch64-static" emulators/
nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups ./rbinfmt --emulators "$PWD/emulators" "$@"; }
