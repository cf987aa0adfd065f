//! Real programs of seven architectures, before, with and after the entries.

use crate::common::{entry, foreign, lab, lab_of, script};

/// One architecture: it does not run, is installed, runs, is removed, and does not run.
fn comes_and_goes(arch: &str, qemu: &str, machine: &str) {
    let Some(lab) = lab_of(arch) else { return };
    lab.run(&format!("{} {arch} {qemu} {machine}", script("live/programs/comes_and_goes")));
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
    let status = lab.json(&script("live/programs/install_all_runs_every_architecture_and_uninstall_all_ends_it"));
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
    lab.run(&script("live/programs/twenty_at_once_leave_what_one_leaves"));
}

#[test]
fn installs_and_uninstalls_at_once_all_end_well() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/programs/installs_and_uninstalls_at_once_all_end_well"));
}

#[test]
fn a_dry_run_changes_nothing() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("live/programs/a_dry_run_changes_nothing"));
    lab_without_table_stays_so();
}

fn lab_without_table_stays_so() {
    let Some(lab) = lab() else { return };
    lab.without_table().run(&script("live/programs/lab_without_table_stays_so"));
}
