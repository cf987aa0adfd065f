# shellcheck shell=bash
cp "$(readlink -f /bin/sh)" sh
printf HIJ | dd of=sh bs=1 seek=9 conv=notrunc status=none
must mount --bind sh "$(readlink -f /bin/sh)"
printf '%s' ":hijacker:M:9:HIJ::/bin/cat:" >"$TABLE/register"
/bin/sh -c : >/dev/null 2>&1 && fail 'the shell still runs'
