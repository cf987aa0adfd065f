//! Real programs of seven architectures, before, with and after the entries.

use crate::common::{entry, foreign, lab, lab_of};

/// One architecture: it does not run, is installed, runs, is removed, and does not run.
fn comes_and_goes(arch: &str, qemu: &str, machine: &str) {
    let Some(lab) = lab_of(arch) else { return };
    lab.run(&format!(
        r#"
        program=$FIXTURES/{arch}/busybox
        wants 126 $program true 2>before.txt
        grep -q 'Exec format error' before.txt || fail "$(cat before.txt)"
        must rb install {arch}
        [ "$(names)" = qemu-{qemu} ] || fail "$(names)"
        [ "$($program uname -m)" = {machine} ] || fail "uname says $($program uname -m)"
        [ "$($program echo a 'b  c')" = 'a b  c' ] || fail arguments
        wants 3 $program sh -c 'exit 3'
        must rb uninstall {arch}
        [ -z "$(names)" ] || fail "$(names)"
        wants 126 $program true 2>after.txt
        grep -q 'Exec format error' after.txt || fail "$(cat after.txt)"
        "#
    ));
}

#[test]
fn arm64_comes_and_goes() {
    comes_and_goes("arm64", "aarch64", "aarch64");
}

#[test]
fn armhf_comes_and_goes() {
    comes_and_goes("armhf", "arm", "armv7l");
}

#[test]
fn mips64el_comes_and_goes() {
    comes_and_goes("mips64el", "mips64el", "mips64");
}

#[test]
fn ppc64el_comes_and_goes() {
    comes_and_goes("ppc64el", "ppc64le", "ppc64le");
}

#[test]
fn s390x_comes_and_goes() {
    comes_and_goes("s390x", "s390x", "s390x");
}

#[test]
fn riscv64_comes_and_goes() {
    comes_and_goes("riscv64", "riscv64", "riscv64");
}

#[test]
fn install_all_runs_every_architecture_and_uninstall_all_ends_it() {
    let Some(lab) = lab_of("arm64") else { return };
    let (present, absent): (Vec<_>, Vec<_>) =
        foreign().into_iter().partition(|(arch, _, _)| crate::common::fixtures().join(arch).join("busybox").is_file());
    assert!(absent.len() < 2, "{absent:?}");
    let archs = present.iter().map(|(arch, _, machine)| format!("{arch}:{machine} ")).collect::<String>();
    let lab = lab.env("ARCHS", &archs);
    let status = lab.json(
        r#"
        must rb install all >&2
        for pair in $ARCHS; do
            said=$($FIXTURES/${pair%:*}/busybox uname -m)
            # i386 is the kernel's own business on x86_64, and uname then is the machine's.
            [ $pair = i386:i686 ] || [ "$said" = ${pair#*:} ] || fail "$pair says $said"
        done
        rb status --json > status.json
        must rb uninstall all >&2
        [ -z "$(names)" ] || fail "$(names)"
        for pair in $ARCHS; do
            [ $pair = i386:i686 ] || wants 126 $FIXTURES/${pair%:*}/busybox true
        done
        cat status.json
        "#,
    );
    // Debian 12 has an emulator for each target but these: x86_64 and i386 are native, hexagon's is there.
    let entries = status["entries"].as_array().unwrap();
    assert!(entries.len() >= 30, "{}", entries.len());
    for row in entries {
        assert_eq!(row["works"], true, "{row:#}");
        assert_eq!(row["ours"], true, "{row:#}");
    }
    assert_eq!(entry(&status, "qemu-aarch64")["flags"], "POCF");
    for platform in ["linux/arm64", "linux/arm/v7", "linux/ppc64le", "linux/s390x", "linux/riscv64", "linux/mips64le"] {
        let platforms = status["platforms"].as_array().unwrap();
        assert!(platforms.iter().any(|p| p == platform), "{platform} is missing: {platforms:?}");
    }
}

#[test]
fn a_second_run_keeps_everything() {
    let Some(lab) = lab_of("arm64") else { return };
    let run = lab.json("must rb install arm64 riscv64 >/dev/null; rb install arm64 riscv64 --json");
    for row in run["items"].as_array().unwrap() {
        assert_eq!((&row["action"], &row["works"]), (&"kept".into(), &true.into()), "{row:#}");
    }
}

#[test]
fn twenty_at_once_leave_what_one_leaves() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        for n in {1..20}; do
            rb install arm64 s390x ppc64le >$n.out 2>&1 &
            pids="${pids-} $!"
        done
        for pid in $pids; do wait $pid || fail "one of twenty: $(cat *.out)"; done
        [ "$(names | tr '\n' ' ')" = 'qemu-aarch64 qemu-ppc64le qemu-s390x ' ] || fail "$(names)"
        [ "$(cat *.out | grep -c 'arm64 *added')" = 1 ] || fail "not added once: $(cat *.out)"
        must $FIXTURES/arm64/busybox true
        "#,
    );
}

#[test]
fn installs_and_uninstalls_at_once_all_end_well() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        for n in {1..10}; do
            rb install arm64 >in.$n 2>&1 & pids="${pids-} $!"
            rb uninstall arm64 >un.$n 2>&1 & pids="$pids $!"
        done
        for pid in $pids; do wait $pid || fail "$(cat in.* un.*)"; done
        must rb install arm64
        [ "$(names)" = qemu-aarch64 ] || fail "$(names)"
        "#,
    );
}

#[test]
fn a_dry_run_changes_nothing() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        must rb install arm64 --dry-run | grep -q 'arm64 *add ' || fail plan
        [ -z "$(names)" ] || fail "$(names)"
        must rb install arm64 >/dev/null
        before=$(cat $table/qemu-aarch64)
        must rb install arm64 --no-credentials --dry-run | grep -q replace || fail plan
        must rb uninstall all --dry-run | grep -q remove || fail plan
        [ "$(names)" = qemu-aarch64 ] && [ "$(cat $table/qemu-aarch64)" = "$before" ] || fail changed
        "#,
    );
    lab_without_table_stays_so();
}

fn lab_without_table_stays_so() {
    let Some(lab) = lab() else { return };
    lab.without_table().run(
        r#"
        must rb install all --private --dry-run >/dev/null
        grep binfmt_misc /proc/self/mountinfo && fail 'a dry run mounted it'
        true
        "#,
    );
}
