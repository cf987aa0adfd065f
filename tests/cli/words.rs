//! What the words on the command line mean.

use crate::common::{item, lab, lab_of, script};
use crate::said;

#[test]
fn every_spelling_of_an_architecture_is_accepted() {
    let Some(lab) = lab_of("arm64") else { return };
    let families = [
        ("aarch64", "arm64 aarch64 ARM64 AArch64 linux/arm64 linux/arm64/v8 arm64/v8 linux/aarch64 arm64v8 armv8"),
        ("arm", "arm armhf armel armv7l arm/v7 linux/arm/v7 linux/arm/v6 arm/v5 armv6 arm32v7 linux/arm"),
        ("riscv64", "riscv64 linux/riscv64 RISCV64"),
        ("ppc64le", "ppc64le ppc64el powerpc64le linux/ppc64le"),
        ("s390x", "s390x linux/s390x systemz"),
        ("mips64el", "mips64el mips64le linux/mips64le"),
        ("loongarch64", "loongarch64 loong64 linux/loong64"),
        ("mipsel", "mipsel mipsle linux/mipsle"),
        ("x86_64", "x86_64 amd64 x86-64 X86-64 linux/amd64 linux/amd64/v2 amd64/v3"),
        ("i386", "i386 386 linux/386 i486 i586 i686 x86"),
    ];
    for (name, spellings) in families {
        for spelling in spellings.split(' ') {
            let run = lab.json(&format!("rb install '{spelling}' --json --dry-run"));
            let row = item(&run, &format!("qemu-{name}"));
            assert_eq!((&row["profile"], run["items"].as_array().unwrap().len()), (&name.into(), 1), "{spelling}");
        }
    }
    let run = lab.json("rb install arm64,aarch64 riscv64, ' s390x ' --json --dry-run");
    assert_eq!(run["items"].as_array().unwrap().len(), 3);
}

#[test]
fn uninstall_takes_the_same_spellings() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("cli/words/uninstall_takes_the_same_spellings"));
}

#[test]
fn a_wrong_architecture_is_answered_with_the_nearest() {
    for (wrong, meant) in [
        ("arm46", "did you mean arm64?"),
        ("aarch46", "did you mean aarch64?"),
        ("risc64", "did you mean riscv64?"),
        ("s390", "did you mean s390x?"),
        ("linux/ppc64lee", "did you mean ppc64le?"),
        ("amd46", "did you mean amd64?"),
        ("quantum9000", "`rbinfmt profiles` lists them all"),
    ] {
        let (out, err) = said(&["install", wrong], 2);
        assert!(out.is_empty(), "{out}");
        assert!(err.contains(wrong) && err.contains("there is no such architecture"), "{err}");
        assert!(err.contains(meant), "{wrong}: {err}");
        assert_eq!(err.contains("did you mean"), meant.starts_with("did"), "{err}");
    }
}

#[test]
fn one_wrong_architecture_among_right_ones_changes_nothing() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("cli/words/one_wrong_architecture_among_right_ones_changes_nothing"));
}

#[test]
fn usage_errors_are_2() {
    for args in [
        &["frobnicate"][..],
        &["install", "--nonsense"],
        &["uninstall"],
        &["install", "arm64", "--interval", "3"],
        &["install", "arm64", "--hold", "--dry-run"],
        &["install", "arm64", "--metrics-file", "x"],
        &["install", "arm64", "--nfd-dir", "/tmp"],
        &["status", "--no-verify", "--config", "x"],
        &["status", "--config", "/nonexistent/config.toml"],
        &["install", "arm64", "--keep", "somehow"],
        &["--install"],
        &["--version", "status"],
        &["status", "--install", "arm64"],
        &["uninstall", "[", "--private"],
        &["install", "arm64", "--profiles", "/nonexistent"],
        &["install", "--config", "/nonexistent/config.toml"],
    ] {
        let (out, err) = said(args, 2);
        assert!(out.is_empty() && err.starts_with("error: "), "{args:?}: {out}{err}");
    }
}

#[test]
fn help_and_versions_are_0() {
    let (out, err) = said(&["--help"], 0);
    assert!(out.contains("Exit status: 0 done or healthy, 1 failed or a problem found") && err.is_empty());
    for verb in ["install", "uninstall", "status", "profiles"] {
        assert!(said(&[verb, "--help"], 0).0.contains("Usage: rbinfmt"));
    }
    let (out, err) = said(&["-V"], 0);
    assert_eq!((out.as_str(), err.as_str()), (concat!("rbinfmt ", env!("CARGO_PKG_VERSION"), "\n"), ""));
}

#[test]
fn quiet_prints_only_errors_and_verbose_what_needed_no_change() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(&script("cli/words/quiet_prints_only_errors_and_verbose_what_needed_no_change"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let Some(lab) = lab() else { return };
    lab.run("set -o pipefail; must rbinfmt profiles | head -n 1 >/dev/null; rbinfmt profiles --json | true");
}
