# shellcheck shell=bash
# Runs what the doctor prints: sourced, after report.sh. `rbinfmt` is the program, $WORK a directory. tests/pages reads which
# commands are run so, and docs/doctor-commands.md lists them.

# As a user of a shell does.
type_command() { eval "$1"; }

# printed CAUSE 'TEMPLATE' ARGUMENT...: runs the command that `rbinfmt doctor ARGUMENT...` prints for the cause, whose template is
# that; `next` is the command that tells causes apart, `file` one that only this file has. Its output is in $WORK/out. IMAGE in
# it, which is left to the reader, is $IMAGE.
printed() {
    local of=$1 glob=${2//sudo /} command
    shift 2
    glob=$(sed 's/[][*?\\]/\\&/g; s/{[a-z][a-z]*}/*/g' <<<"$glob")
    rbinfmt doctor --json "$@" >"$WORK/doctor.json" 2>"$WORK/out"
    while IFS= read -r command; do
        # shellcheck disable=SC2053 # a pattern
        [[ $command == $glob ]] || continue
        command=${command//IMAGE/${IMAGE-IMAGE}}
        echo "    \$ $command"
        type_command "$command" >"$WORK/out" 2>&1 </dev/null
        return
    done < <(jq -r --arg of "$of" '
        if $of == "next" then .next.command
        elif .candidates and .candidates[0].id != $of then empty
        else .findings[] | select(.id == $of or $of == "file").fixes[].command end | values' "$WORK/doctor.json")
    cat "$WORK/doctor.json" >>"$WORK/out"
    fail "$of: the doctor does not print the command"
}

# shown CAUSE 'TEMPLATE' TEXT ARGUMENT...: the same, of a command that cures nothing and prints the text.
shown() {
    local text=$3
    printed "$1" "$2" "${@:4}"
    grep -q -- "$text" "$WORK/out" || fail "$1: the command does not show $text"
}
