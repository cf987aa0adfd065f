//! A step that fails takes back the ones before it.

use crate::common::{Lab, lab_of, texts};

/// With flag F the kernel opens the interpreter when an entry is registered, and refuses what is not there.
const REFUSED: &str =
    "[[profile]]\nname = \"zz\"\ninterpreter = \"/nonexistent/zz\"\nextension = \"zz\"\nflags = \"F\"\n";

fn fails(lab: &Lab, script: &str) {
    lab.write("profiles/zz.toml", REFUSED);
    let output = lab.try_run(script);
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    assert!(err.contains("error: registering zz: No such file or directory"), "{out}{err}");
}

#[test]
fn entries_that_were_added_go_again() {
    let Some(lab) = lab_of("arm64") else { return };
    fails(
        &lab,
        r#"
        rb install arm64 s390x zz --profiles profiles; got=$?
        [ -z "$(names)" ] || fail "$(names)"
        exit $got
        "#,
    );
}

#[test]
fn entries_that_were_enabled_are_disabled_and_replaced_ones_stand_as_before() {
    let Some(lab) = lab_of("arm64") else { return };
    fails(
        &lab,
        r#"
        must rb install arm64 s390x >/dev/null
        echo 0 >$table/qemu-s390x
        cat $table/qemu-* >before.txt
        inode=$(stat -c %i $table/qemu-aarch64)
        rb install s390x zz --profiles profiles 2>/dev/null && fail 's390x and zz'
        rb install arm64 zz --no-credentials --profiles profiles; got=$?
        cat $table/qemu-* | cmp - before.txt || fail "$(cat $table/qemu-*)"
        [ "$(names | tr '\n' ' ')" = 'qemu-aarch64 qemu-s390x ' ] || fail "$(names)"
        [ "$(stat -c %i $table/qemu-aarch64)" = $inode ] || fail 'another entry'
        exit $got
        "#,
    );
}

#[test]
fn self_holding_entries_go_again_too() {
    let Some(lab) = lab_of("arm64") else { return };
    fails(
        &lab.without_table(),
        r#"
        unshare --mount rbinfmt --private --emulators "$EMULATORS" install arm64 zz --keep entries --profiles profiles
        got=$?
        wants 126 $FIXTURES/arm64/busybox true 2>/dev/null
        exit $got
        "#,
    );
}

#[test]
fn an_emulator_that_vanishes_in_the_middle_leaves_nothing_or_everything() {
    let Some(lab) = lab_of("arm64") else { return };
    // The file comes and goes while runs go on: each run either works or leaves the table as it was.
    lab.run(
        r#"
        mkdir here
        cp $EMULATORS/qemu-s390x-static here/
        cp $EMULATORS/qemu-aarch64-static there
        (until [ -e stop ]; do mv there here/qemu-aarch64-static; mv here/qemu-aarch64-static there; done) 2>/dev/null &
        loop=$!
        for n in {1..40}; do
            if rbinfmt install s390x arm64 --no-verify --emulators $PWD/here >out.txt 2>&1; then
                want='qemu-aarch64 qemu-s390x '
            elif grep -q '^error: registering qemu-aarch64' out.txt; then
                want=
            else
                # It was not there from the first look on: s390x alone.
                want='qemu-s390x '
            fi
            [ "$(names | tr '\n' ' ')" = "$want" ] || fail "run $n left $(names): $(cat out.txt)"
            must rb uninstall 'qemu-*' >/dev/null
        done
        touch stop
        wait $loop
        "#,
    );
}
