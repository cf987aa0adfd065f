# shellcheck shell=bash
must rb install arm64
said=$(exec -a another-name "$FIXTURES/arm64/bash" -c 'echo $0 $BASH_ARGV0')
[ "$said" = 'another-name another-name' ] || fail "$said"
# A login shell is known by the dash of its argv[0].
said=$(exec -a -bash "$FIXTURES/arm64/bash" --norc --noprofile -c 'shopt -q login_shell && echo login')
[ "$said" = login ] || fail "$said"
# A busybox does what its argv[0] says.
said=$(exec -a uname "$FIXTURES/arm64/busybox" -m)
[ "$said" = aarch64 ] || fail "$said"
