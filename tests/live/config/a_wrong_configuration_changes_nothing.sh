# shellcheck shell=bash
must rb install s390x
refused() { wants 2 rb install --config config.toml 2>err.txt; grep -q "$1" err.txt || fail "$(cat err.txt)"; }
rm -f config.toml; refused 'reading the configuration config.toml: No such file'
echo 'architectures = ["arm46"]' >config.toml; refused 'did you mean arm64'
echo 'architectures = "arm64"' >config.toml; refused 'config.toml:1: '
printf 'architectures = []\ncolour = 1\n' >config.toml; refused 'config.toml:2: '
echo 'architectures = [' >config.toml; refused 'config.toml:'
[ "$(names)" = qemu-s390x ] || fail "$(names)"
