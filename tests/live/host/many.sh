# shellcheck shell=bash
# many SHAPE FROM TO: entries that match nothing here.
#   short: each asks for other bytes at the start of a file
#   long: each asks for 225 bytes, of which the last five differ
#   masks: each looks at other bits of 232 bytes
many() {
    local LC_ALL=C i bit rule mask
    local letters ones number
    letters=$(head -c 220 /dev/zero | tr '\0' a)
    ones=$(head -c 220 /dev/zero | tr '\0' '\377')
    for ((i = $2; i <= $3; i++)); do
        case $1 in
            short) rule=MARK$i: ;;
            long)
                printf -v number %05d "$i"
                rule=$letters$number:
                ;;
            masks)
                mask=
                for bit in {0..12}; do
                    ((i >> bit & 1)) && mask+='\xff' || mask+='\x7f'
                done
                rule="${letters}aaaaaaaaaaaaa:$ones$mask"
                ;;
        esac
        printf '%s' ":other$i:M::$rule:/no/interpreter$((i % 100)):" >/proc/sys/fs/binfmt_misc/register || return 1
    done
}
# cpu COMMAND...: milliseconds of a processor that it takes, whatever it ends with.
cpu() {
    local TIMEFORMAT='%3U %3S' times
    times=$({ time "$@" >out.txt 2>err.txt; } 2>&1)
    # shellcheck disable=SC2086 # words
    set -- ${times//./}
    echo $((10#$1 + 10#$2))
}
