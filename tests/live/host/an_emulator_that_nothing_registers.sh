# shellcheck shell=bash
mkdir one
cp "$EMULATORS/qemu-aarch64-static" one
doctor() { rbinfmt --emulators one doctor --no-engines >out.txt || fail "$(cat out.txt)"; }
doctor
grep -q 'warning\[distro-package-split\]' out.txt || fail "$(cat out.txt)"
fix=$(sed '1,/distro-package-split/d' out.txt | grep -o 'rbinfmt install.*' | head -n1)
[ "$fix" = 'rbinfmt install arm64' ] || fail "$fix"
# shellcheck disable=SC2086 # words
must $fix --emulators one >/dev/null
doctor
! grep -q distro-package-split out.txt || fail "$(cat out.txt)"
