//! Entries that change: never a moment without a handler, strangers, shadows, stale emulators.

use crate::common::{entry, item, lab_of};

#[test]
fn no_moment_without_a_handler_while_entries_are_replaced() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        must rb install arm64 >/dev/null
        (
            n=0
            until [ -e stop ]; do
                $FIXTURES/arm64/busybox true 2>>gap.txt || { echo "run $n failed" >>gap.txt; exit 1; }
                n=$((n + 1))
            done
            echo $n >runs.txt
        ) &
        loop=$!
        for n in {1..15}; do
            must rb install arm64 --no-credentials --no-verify >/dev/null
            must rb install arm64 --no-verify >/dev/null
        done
        must rb install arm64 --no-credentials >/dev/null
        touch stop
        wait $loop || fail "$(cat gap.txt)"
        [ "$(cat runs.txt)" -gt 0 ] || fail 'the loop did not run'
        [ "$(names)" = qemu-aarch64 ] || fail "$(names)"
        grep -qx 'flags: POF' $table/qemu-aarch64 || fail "$(cat $table/qemu-aarch64)"
        "#,
    );
}

#[test]
fn a_strangers_entry_under_our_name_is_replaced() {
    let Some(lab) = lab_of("arm64") else { return };
    let run = lab.json(
        r#"
        stranger qemu-aarch64 /bin/false OC
        wants 1 $FIXTURES/arm64/busybox true
        rb install arm64 --json || fail install
        [ "$($FIXTURES/arm64/busybox uname -m)" = aarch64 ] || fail run
        [ "$(names)" = qemu-aarch64 ] || fail "$(names)"
        "#,
    );
    let row = item(&run, "qemu-aarch64");
    assert_eq!(row["action"], "replaced");
    assert_eq!((&row["works"], &row["argv0"], &row["flags"]), (&true.into(), &true.into(), &"POCF".into()));
}

#[test]
fn a_disabled_entry_is_enabled_and_not_made_anew() {
    let Some(lab) = lab_of("arm64") else { return };
    let run = lab.json(
        r#"
        must rb install arm64 >&2
        inode=$(stat -c %i $table/qemu-aarch64)
        echo 0 >$table/qemu-aarch64
        wants 126 $FIXTURES/arm64/busybox true 2>/dev/null
        rb install arm64 --json || fail install
        must $FIXTURES/arm64/busybox true
        [ "$(stat -c %i $table/qemu-aarch64)" = $inode ] || fail 'another entry'
        "#,
    );
    assert_eq!(item(&run, "qemu-aarch64")["action"], "enabled");
}

#[test]
fn a_shadowed_entry_comes_to_the_front_again() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        must rb install arm64
        stranger other-arm64 /bin/false OC
        wants 1 $FIXTURES/arm64/busybox true
        # `all` leaves what somebody else runs alone, as long as it works ...
        rb status --json >status.json
        # ... which /bin/false does not: a named one goes before it.
        must rb install arm64
        [ "$($FIXTURES/arm64/busybox uname -m)" = aarch64 ] || fail 'still shadowed'
        [ "$(names | tr '\n' ' ')" = 'other-arm64 qemu-aarch64 ' ] || fail "$(names)"
        "#,
    );
    let status: serde_json::Value =
        serde_json::from_slice(&std::fs::read(lab.scratch().join("status.json")).unwrap()).unwrap();
    let problems = entry(&status, "qemu-aarch64")["problems"].to_string();
    assert!(problems.contains("the newer entry other-arm64 takes its files first"), "{problems}");
}

#[test]
fn all_leaves_alone_what_somebody_else_runs_well() {
    let Some(lab) = lab_of("arm64") else { return };
    let run = lab.json(
        r#"
        cp $EMULATORS/qemu-aarch64-static fex
        stranger fex-aarch64 $PWD/fex OCF
        rb install all --json || fail install
        [ ! -e $table/qemu-aarch64 ] || fail "$(names)"
        "#,
    );
    let row = item(&run, "qemu-aarch64");
    assert_eq!(row["action"], "skipped");
    assert!(row["reason"].as_str().unwrap().contains("fex-aarch64"), "{row:#}");
}

#[test]
fn a_stale_emulator_gives_way_to_the_newer_file_at_its_path() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        mkdir here
        cp $EMULATORS/qemu-aarch64-static here/
        here() { rbinfmt --emulators $PWD/here "$@"; }
        must here install arm64
        # An upgrade as a package manager does it: a new file takes the old one's name.
        cp $EMULATORS/qemu-aarch64-static here/new
        mv here/new here/qemu-aarch64-static
        must here install arm64 >out.txt
        grep -q replaced out.txt || fail "$(cat out.txt)"
        must here install arm64 -v >out.txt
        grep -q kept out.txt || fail "$(cat out.txt)"
        # The file that the entry holds is the one at the path.
        $FIXTURES/arm64/busybox sleep 60 &
        child=$!
        for n in {1..100}; do
            [ "$(stat -Lc %i /proc/$child/exe)" = "$(stat -c %i here/qemu-aarch64-static)" ] && break
            sleep 0.1
        done
        [ "$(stat -Lc %i /proc/$child/exe)" = "$(stat -c %i here/qemu-aarch64-static)" ] || fail 'the old file runs'
        kill $child
        "#,
    );
}

#[test]
fn the_same_rule_in_fewer_bytes_is_the_same() {
    let Some(lab) = lab_of("arm64") else { return };
    // Our rule for arm64 ends in a zero byte; without mask on it, nineteen bytes are another rule and are replaced.
    lab.run(
        r#"
        must rb install arm64
        magic=$(sed -n 's/^magic //p' $table/qemu-aarch64)
        mask=$(sed -n 's/^mask //p' $table/qemu-aarch64)
        hex() { sed 's/../\\x&/g'; }
        echo -1 >$table/qemu-aarch64
        # Two bytes more, of which no bit counts.
        stranger qemu-aarch64 $EMULATORS/qemu-aarch64-static POCF "$(echo ${magic}1234 | hex)" "$(echo ${mask}0000 | hex)"
        must rb install arm64 -v >out.txt
        grep -q kept out.txt || fail "$(cat out.txt)"
        "#,
    );
}
