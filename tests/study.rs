//! What the doctor says of programs of real toolchains, and what becomes of them: a sample of tests/study.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::process::Command;

use common::{Need, RBINFMT, fixtures, lab, skipped, texts};

#[test]
fn no_verdict_on_the_sample_is_wrong() {
    // judge.py makes a sandbox of its own.
    let Some(_) = lab() else { return };
    let programs = fixtures().join("programs");
    if !programs.join("complete").exists() {
        return skipped::<()>(Need::Setup, "tests/fixtures.sh could not make all of the sample").unwrap_or_default();
    }
    let judge = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/study/judge.py");
    let mut command = Command::new("python3");
    command.arg(judge).args(["--sample", RBINFMT]).arg(fixtures().join("qemu")).arg(programs);
    let output = command.output().unwrap();
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{out}{err}");
    assert!(out.ends_with("0 wrong of 40\n"), "{out}{err}");
}
