# shellcheck shell=sh
# What printed.sh is, for the machines of vm.sh and systemd-vm.sh, which have no jq: sourced, with `rbinfmt` and `fail` there. `sudo`
# is not printed for root.

# printed CAUSE 'TEMPLATE' ARGUMENT...: runs the command that `rbinfmt doctor ARGUMENT...` prints for the cause, whose template is
# that; `file` is a command that only this file has. Its output is in /tmp/out. NAME in it, which is left to the reader, is $NAME.
printed() {
    printed_of=$1
    printed_like=$(echo "${2#sudo }" | sed 's/[][*?\\]/\\&/g; s/{[a-z][a-z]*}/*/g')
    shift 2
    rbinfmt doctor --json "$@" >/tmp/doctor.json 2>/tmp/out
    # A line for each cause; what is to be done about a text is at its end, for its first cause.
    sed 's/{"id":"/\n&/g' /tmp/doctor.json >/tmp/causes
    case $printed_of in
        file) cat /tmp/causes ;;
        *)
            if grep -q '"candidates":' /tmp/causes; then
                ! sed -n 2p /tmp/causes | grep -q "^{\"id\":\"$printed_of\"" || cat /tmp/causes
            else
                grep "^{\"id\":\"$printed_of\"" /tmp/causes
            fi
            ;;
    esac | grep -o '"command":"\([^"\\]\|\\.\)*"' | sed 's/^"command":"//; s/"$//; s/\\\(.\)/\1/g' >/tmp/commands
    while read -r printed_command; do
        # shellcheck disable=SC2254 # a pattern
        case $printed_command in
            $printed_like) ;;
            *) continue ;;
        esac
        printed_command=$(echo "$printed_command" | sed "s/NAME/${NAME-NAME}/")
        echo "    \$ $printed_command"
        eval "$printed_command" >/tmp/out 2>&1 </dev/null
        return
    done </tmp/commands
    cat /tmp/doctor.json >>/tmp/out
    fail "$printed_of: the doctor does not print the command"
    return 1
}

# shown CAUSE 'TEMPLATE' TEXT ARGUMENT...: the same, of a command that cures nothing and prints the text.
shown() {
    shown_of=$1 shown_template=$2 shown_text=$3
    shift 3
    printed "$shown_of" "$shown_template" "$@"
    grep -q -- "$shown_text" /tmp/out || fail "$shown_of: the command does not show $shown_text"
}

# named CAUSE ARGUMENT...: whether the doctor finds it.
named() {
    named_cause=$1
    shift
    rbinfmt doctor --json "$@" 2>/dev/null | grep -q "{\"id\":\"$named_cause\""
}
