//! What the system as a whole wants, and a process that sees to it.

use crate::common::lab_of;

#[test]
fn install_without_architectures_converges_on_the_configuration() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.write("config.toml", "architectures = [\"linux/arm64\", \"riscv64\"]\n");
    lab.run(
        r#"
        must rb install s390x arm64
        stranger theirs /bin/true '' THEM ''
        stranger qemu-theirs /bin/true '' QEMU ''
        must rb install --config config.toml >out.txt
        [ "$(names | sort | tr '\n' ' ')" = 'qemu-aarch64 qemu-riscv64 qemu-theirs theirs ' ] || fail "$(names)"
        grep -q 's390x *removed' out.txt || fail "$(cat out.txt)"
        must rb install --config config.toml >out.txt
        grep -q -e added -e removed -e replaced out.txt && fail "a second run: $(cat out.txt)"
        echo 'architectures = []' >config.toml
        must rb install --config config.toml
        [ "$(names | sort | tr '\n' ' ')" = 'qemu-theirs theirs ' ] || fail "$(names)"
        "#,
    );
}

#[test]
fn the_configuration_names_emulators_and_credentials() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        cat >config.toml <<CONFIG
architectures = ["arm64"]
emulators = ["$EMULATORS"]
credentials = false
CONFIG
        must rbinfmt install --config config.toml
        grep -qx 'flags: POF' $table/qemu-aarch64 || fail "$(cat $table/qemu-aarch64)"
        "#,
    );
}

#[test]
fn a_wrong_configuration_changes_nothing() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        must rb install s390x
        refused() { wants 2 rb install --config config.toml 2>err.txt; grep -q "$1" err.txt || fail "$(cat err.txt)"; }
        rm -f config.toml; refused 'reading the configuration config.toml: No such file'
        echo 'architectures = ["arm46"]' >config.toml; refused 'did you mean arm64'
        echo 'architectures = "arm64"' >config.toml; refused 'config.toml:1: '
        printf 'architectures = []\ncolour = 1\n' >config.toml; refused 'config.toml:2: '
        echo 'architectures = [' >config.toml; refused 'config.toml:'
        [ "$(names)" = qemu-s390x ] || fail "$(names)"
        "#,
    );
}

/// `until COMMAND`: waits as long as it takes, within reason.
const HOLD: &str = r#"
soon() { for n in {1..600}; do "$@" && return; sleep 0.1; done; fail "never: $*: $(cat hold.txt)"; }
gone() { [ ! -e $table/qemu-aarch64 ]; }
works() { $FIXTURES/arm64/busybox true 2>/dev/null; }
"#;

#[test]
fn hold_registers_again_what_somebody_removes_and_ends_well() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&format!(
        "{HOLD}{}",
        r#"
        rbinfmt --emulators "$EMULATORS" install arm64 s390x --hold --interval 1 >hold.txt 2>&1 &
        hold=$!
        soon works
        soon grep -q 'holding the table' hold.txt
        echo -1 >$table/qemu-aarch64
        gone || fail 'not removed'
        soon works
        soon grep -q 'qemu-aarch64: somebody had removed it; registered again' hold.txt
        # As container runtimes and systemd-binfmt do.
        echo -1 >$table/status
        soon works
        soon test -e $table/qemu-s390x
        echo 0 >$table/qemu-aarch64
        soon works
        soon grep -q 'switched on again' hold.txt
        kill -TERM $hold
        wants 0 wait $hold
        [ "$(names | tr '\n' ' ')" = 'qemu-aarch64 qemu-s390x ' ] || fail "$(names)"
        "#
    ));
}

#[test]
fn hold_keeps_a_table_that_nobody_else_holds() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.without_table().run(&format!(
        "{HOLD}{}",
        r#"
        unshare --mount rbinfmt --private --emulators "$EMULATORS" install arm64 --hold --interval 1 >hold.txt 2>&1 &
        hold=$!
        soon works
        soon grep -q 'stays as long as this process' hold.txt
        kill -TERM $hold
        wants 0 wait $hold
        # Its mount was the last one.
        works && fail 'the entries outlived the process'
        true
        "#
    ));
}
