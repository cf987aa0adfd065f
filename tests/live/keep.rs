//! The table that dies with its last mount, and what keeps it.

use crate::common::{lab, lab_of};

#[test]
fn without_help_the_table_dies_with_its_mount_and_a_self_holding_entry_keeps_it() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.without_table().run(
        r#"
        program=$FIXTURES/arm64/busybox
        mounted() { grep -q ' - binfmt_misc ' /proc/self/mountinfo; }
        # A container's mounts end with it, and the entries with the mounts.
        must unshare --mount rbinfmt --emulators "$EMULATORS" --private install arm64 --keep mount
        wants 126 $program true 2>/dev/null
        # Entries that hold their own table do not.
        must unshare --mount rbinfmt --emulators "$EMULATORS" --private install arm64 --keep entries >out.txt
        grep -q 'the entries hold their own table' out.txt || fail "$(cat out.txt)"
        ! mounted || fail 'something stayed mounted'
        [ "$($program uname -m)" = aarch64 ] || fail 'not kept'
        # They are seen from elsewhere, and a second run from another such container has nothing to do.
        must rb status --private --json >status.json
        must unshare --mount rbinfmt --emulators "$EMULATORS" --private install arm64 --keep entries -v >out.txt
        grep -q kept out.txt || fail "$(cat out.txt)"
        ! mounted || fail 'something stayed mounted'
        "#,
    );
}

#[test]
fn removing_the_last_self_holding_entry_releases_everything() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.without_table().run(
        r#"
        mkdir here
        cp $EMULATORS/qemu-aarch64-static $EMULATORS/qemu-s390x-static here/
        # rbinfmt as in a container of its own.
        contained() { unshare --mount rbinfmt --private --emulators $PWD/here "$@"; }
        busy() { ! { : >>here/qemu-$1-static; } 2>/dev/null; }
        must contained install arm64 s390x --keep entries
        busy aarch64 && busy s390x || fail 'the emulators are not held'
        must contained uninstall arm64
        wants 126 $FIXTURES/arm64/busybox true 2>/dev/null
        must $FIXTURES/s390x/busybox true
        must contained uninstall all
        wants 126 $FIXTURES/s390x/busybox true 2>/dev/null
        busy aarch64 && fail 'the first emulator is still held'
        busy s390x && fail 'the second emulator is still held'
        # A new mount shows an empty table.
        must contained status --json >status.json
        grep -q '"entries": \[\]' status.json || fail "$(cat status.json)"
        "#,
    );
}

#[test]
fn replacing_self_holding_entries_keeps_them() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.without_table().run(
        r#"
        contained() { unshare --mount rbinfmt --private --emulators "$EMULATORS" "$@"; }
        must contained install arm64 --keep entries
        must contained install arm64 --keep entries --no-credentials >out.txt
        grep -q replaced out.txt || fail "$(cat out.txt)"
        must $FIXTURES/arm64/busybox true
        must contained install arm64 --keep entries --no-verify
        must $FIXTURES/arm64/busybox true
        must contained uninstall all
        wants 126 $FIXTURES/arm64/busybox true 2>/dev/null
        "#,
    );
}

#[test]
fn a_user_namespace_without_a_table_is_refused_and_gets_none() {
    let Some(lab) = lab() else { return };
    let lab = lab.without_table();
    for verb in
        ["install all", "install arm64", "install arm64 --dry-run", "uninstall all", "status", "", "--install all"]
    {
        let output = lab.try_run(&format!(
            r#"
            rb {verb} >out.txt 2>err.txt; got=$?
            grep ' - binfmt_misc ' /proc/self/mountinfo && fail 'it mounted a table'
            cat err.txt >&2
            exit $got
            "#
        ));
        let (out, err) = crate::common::texts(&output);
        assert_eq!(output.status.code(), Some(3), "{verb}: {out}{err}");
        assert!(err.contains("namespace") && err.contains("--private"), "{verb}: {err}");
    }
}

#[test]
fn the_plain_table_of_a_namespace_stays_mounted_and_says_how_long() {
    let Some(lab) = lab_of("arm64") else { return };
    let run = lab.without_table().json(
        r#"
        rb install arm64 --private --json || fail install
        grep -q ' - binfmt_misc ' /proc/self/mountinfo || fail 'not mounted'
        "#,
    );
    assert_eq!(run["held_by"], "namespace");
}

#[test]
fn another_directory_for_the_table() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.without_table().run(
        r#"
        mkdir elsewhere
        must rb install arm64 --private --mount $PWD/elsewhere
        [ -e elsewhere/qemu-aarch64 ] || fail "$(ls elsewhere)"
        must $FIXTURES/arm64/busybox true
        must rb uninstall all --mount $PWD/elsewhere
        [ ! -e elsewhere/qemu-aarch64 ] || fail "$(ls elsewhere)"
        "#,
    );
}
