# shellcheck shell=bash
wants 0 rb status
wants 0 rb install arm64
wants 0 rb status
wants 0 rb uninstall arm64
wants 0 rb uninstall all
wants 0 rb uninstall 'qemu-*'
wants 0 rb uninstall arm64
wants 1 rb uninstall nothing-of-the-kind
wants 1 rbinfmt install arm64 --emulators .
wants 2 rb install nothing-of-the-kind
umount "$TABLE"
wants 3 rb status
