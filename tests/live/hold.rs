//! A process that stays: what it tells others, and how they ask whether all is as wanted.

use crate::common::lab_of;

/// `soon COMMAND...`: it succeeds within a minute.
const SOON: &str = r#"
soon() { for n in {1..600}; do "$@" && return; sleep 0.1; done; fail "never: $*: $(cat hold.txt)"; }
value() { sed -n "s|^rbinfmt_$1 ||p" metrics/rbinfmt.prom; }
is() { [ "$(value "$1" 2>/dev/null)" = "$2" ]; }
"#;

#[test]
fn metrics_and_labels_follow_the_table_and_end_with_the_process() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&format!(
        "{SOON}{}",
        r#"
        mkdir metrics features
        rbinfmt --emulators "$EMULATORS" install arm64 s390x arm --hold --interval 1 \
            --metrics-file metrics/rbinfmt.prom --nfd-dir features >hold.txt 2>&1 &
        hold=$!
        soon is entries 3
        is 'platform_works{platform="linux/arm64"}' 1 && is repairs_total 0 && is errors_total 0 || fail "$(cat metrics/*)"
        [ -z "$(value last_repair_timestamp_seconds)" ] || fail 'repaired before anything was broken'
        [ "$(stat -c %a metrics/rbinfmt.prom features/rbinfmt)" = $'644\n644' ] || fail 'others cannot read them'
        labels() { grep -v '^#' features/rbinfmt | sort | tr '\n' ' '; }
        f=feature.node.kubernetes.io/rbinfmt-linux
        [ "$(labels)" = "$f-arm-v5=true $f-arm-v6=true $f-arm-v7=true $f-arm64=true $f-s390x=true " ] || fail "$(labels)"
        expiry=$(date -d "$(sed -n 's/^# +expiry-time=//p' features/rbinfmt)" +%s)
        [ $expiry -gt $(date +%s) ] && [ $expiry -lt $(($(date +%s) + 3600)) ] || fail "expiry $expiry"

        echo -1 >$table/qemu-aarch64
        soon is repairs_total 1
        [ "$(value last_repair_timestamp_seconds)" -gt 1700000000 ] || fail "$(cat metrics/*)"
        # A table that is switched off: nothing runs, and nothing is promised.
        echo 0 >$table/status
        soon is entries 0
        [ "$(value errors_total)" -gt 0 ] && ! value platform_works | grep . || fail "$(cat metrics/*)"
        ! grep -v '^#' features/rbinfmt || fail 'labels for what does not run'
        echo 1 >$table/status
        soon is entries 3
        soon grep -q arm64 features/rbinfmt

        kill -TERM $hold
        wants 0 wait $hold
        [ -z "$(find metrics features -type f)" ] && [ "$(names | wc -l)" = 3 ] || fail "$(find metrics features; names)"
        "#
    ));
}

#[test]
fn files_that_cannot_be_written_are_told_once_and_the_table_is_kept() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&format!(
        "{SOON}{}",
        r#"
        rbinfmt --emulators "$EMULATORS" install arm64 --hold --interval 1 --nfd-dir features >hold.txt 2>&1 &
        hold=$!
        soon grep -q 'warning: writing features/rbinfmt: No such file or directory' hold.txt
        echo -1 >$table/qemu-aarch64
        soon $FIXTURES/arm64/busybox true 2>/dev/null
        soon grep -q 'registered again' hold.txt
        [ "$(grep -c warning hold.txt)" = 1 ] || fail "$(cat hold.txt)"
        kill -TERM $hold
        wants 1 wait $hold
        "#
    ));
}

#[test]
fn the_next_process_takes_over_without_a_gap() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&format!(
        "{SOON}{}",
        r#"
        # The next one comes with emulators of its own, as a new image does.
        mkdir old new
        cp $EMULATORS/qemu-aarch64-static old/
        cp $EMULATORS/qemu-aarch64-static new/
        touch -d '2020-01-01' old/*
        # A container's path of both is the same: a mount of its own for each.
        hold() { exec unshare --mount bash -c 'mkdir -p bin && mount --bind $0 bin && exec rbinfmt --emulators $PWD/bin install arm64 --hold --interval 1' $1; }
        hold old >hold.txt 2>&1 &
        old=$!
        soon grep -q 'holding the table' hold.txt
        : >failures
        while :; do $FIXTURES/arm64/busybox true 2>/dev/null || echo gap >>failures; echo . >>runs; done &
        soon test -s runs
        kill -TERM $old
        wants 0 wait $old
        hold new >hold2.txt 2>&1 &
        new=$!
        soon grep -q 'holding the table' hold2.txt
        grep -q 'replaced' hold2.txt || fail "$(cat hold2.txt)"
        # The old emulator's file is let go, the new one is in use.
        { : >>old/qemu-aarch64-static; } || fail 'the old emulator is still held'
        ! { : >>new/qemu-aarch64-static; } 2>/dev/null || fail 'the new emulator is not in use'
        kill -TERM $new
        wants 0 wait $new
        [ ! -s failures ] || fail "$(wc -l <failures) of $(wc -l <runs) programs failed"
        "#
    ));
}

#[test]
fn status_beside_a_configuration() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        printf 'architectures = ["arm64", "s390x"]\nemulators = ["%s"]\n' "$EMULATORS" >both.toml
        printf 'architectures = ["all"]\nemulators = ["%s"]\n' "$EMULATORS" >all.toml
        printf 'architectures = []\nemulators = ["%s"]\n' "$EMULATORS" >none.toml
        wants 1 rbinfmt status --config both.toml >out.txt
        grep -qx 'wanted, but does not run: arm64 s390x' out.txt || fail "$(cat out.txt)"
        wants 0 rbinfmt status --config none.toml >out.txt
        must rbinfmt install --config both.toml
        wants 0 rbinfmt status --config both.toml >out.txt
        wants 1 rbinfmt status --config all.toml >out.txt
        wants 1 rbinfmt status --config none.toml >out.txt
        grep -qx 'not wanted: qemu-s390x qemu-aarch64' out.txt || fail "$(cat out.txt)"
        # A stranger's broken entry is not its business, and one that does the work will do.
        stranger qemu-mips /nonexistent '' '\x7f\x45\x4c\x46\x01\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x08' '\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff'
        wants 1 rbinfmt status >out.txt
        wants 0 rbinfmt status --config both.toml >out.txt
        echo -1 >$table/qemu-mips
        echo 0 >$table/qemu-aarch64
        wants 1 rbinfmt status --config both.toml --json >out.json
        grep -A1 '"missing"' out.json | grep -q arm64 || fail "$(cat out.json)"
        must rbinfmt install --config all.toml
        wants 0 rbinfmt status --config all.toml >out.txt
        must rbinfmt install --config none.toml
        wants 0 rbinfmt status --config none.toml >out.txt
        [ -z "$(names)" ] || fail "$(names)"
        "#,
    );
}
