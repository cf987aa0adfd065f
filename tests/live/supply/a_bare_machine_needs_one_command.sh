# shellcheck shell=bash
must rbinfmt install arm64 --dry-run >dry.txt
grep -q 'arm64  fetch' dry.txt || fail "$(cat dry.txt)"
[ ! -e "$RBINFMT_STORE/versions" ] || fail 'a dry run fetched'
must rbinfmt install all >out.txt
for arch in aarch64 arm ppc64le s390x riscv64; do
    grep -q "qemu-$arch -> $RBINFMT_STORE/.* works" out.txt || fail "$arch: $(cat out.txt)"
done
for arch in arm64 armhf s390x ppc64el; do
    [ -e "$FIXTURES"/$arch/busybox ] || continue
    must "$FIXTURES"/$arch/busybox true
done
# All is there now: no network is needed, and nothing is done.
must rbinfmt install all --offline -v >again.txt
grep -q 'kept  *qemu-aarch64' again.txt || fail "$(cat again.txt)"
must rbinfmt uninstall all
[ -z "$(names)" ] || fail "$(names)"
