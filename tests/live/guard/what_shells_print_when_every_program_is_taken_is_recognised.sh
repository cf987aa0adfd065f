# shellcheck shell=bash
# Only builtins work while the entry is there; each shell makes it, and this one removes it.
cp /bin/true emulator
echo 'not a program' >text
chmod +x text
recognised() {
    local out
    out=$(rbinfmt doctor --json --message - <said.txt) || fail "$1: status $?: $(cat said.txt)"
    [[ $out == *'"candidates":[{"id":"binfmt-native-hijack"'* ]] || fail "$1: $(cat said.txt) $out"
}
for interpreter in emulator text; do
    rule=":hijacker:M::\\x7fELF::$PWD/$interpreter:"
    for shell in bash dash zsh mksh ksh93 yash; do
        command -v "$shell" >/dev/null || { skipped - "$shell is not here"; continue; }
        printf '%s\n' "printf '%s' '$rule' >$TABLE/register" ls 'cat /etc/hostname' id >session
        "$shell" session >said.txt 2>&1
        echo -1 >"$TABLE/hijacker" || fail "$shell has registered nothing"
        recognised "$shell, $interpreter"
    done
    # Who registered it by hand has its name on the screen.
    { echo "# echo '$rule' > $TABLE/register"; cat said.txt; } >typed.txt
    mv typed.txt said.txt
    recognised "the registration, $interpreter"
    cure=$(rbinfmt doctor --message - <said.txt | grep -o 'echo -1 > .*') || fail "no cure: $(rbinfmt doctor --message - <said.txt)"
    printf '%s' "$rule" >"$TABLE/register" || fail registering
    eval "$cure"
    [ ! -e "$TABLE/hijacker" ] || fail "$cure"
    must /bin/true
done
