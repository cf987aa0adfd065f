# shellcheck shell=bash
must rb export arm64 --format systemd >line
cat line >"$TABLE/register" || fail "$(cat line)"
[ "$("$FIXTURES/arm64/busybox" uname -m)" = aarch64 ] || fail 'it does not run'
must rb install arm64 -v >out.txt
grep -q kept out.txt || fail "$(cat out.txt)"
must rb export arm64,s390x --format debian --to debian
[ "$(echo debian/*)" = 'debian/qemu-aarch64 debian/qemu-s390x' ] || fail "$(echo debian/*)"
grep -q '^fix_binary yes' debian/qemu-s390x || fail "$(cat debian/qemu-s390x)"
must rb export all --format nixos --no-credentials >nix
grep -q '"qemu-riscv64" = {' nix && ! grep -q 'matchCredentials = true' nix || fail "$(cat nix)"
grep -q 'qemu-x86_64' nix && fail 'the machine itself'
wants 1 rbinfmt --emulators . export arm64 --format systemd
