//! Under a tool that has system calls of its own.

use std::process::Command;

use crate::common::{Need, RBINFMT, skipped, texts};

/// Valgrind executes what execveat(2) names, whatever the flags say.
#[test]
fn the_doctor_executes_nothing_under_a_tool_that_drops_flags() {
    let valgrind = |program: &[&str]| Command::new("valgrind").args(["--quiet", "--tool=none"]).args(program).output();
    if !valgrind(&["/bin/true"]).is_ok_and(|output| output.status.success()) {
        return skipped(Need::Setup, "valgrind is not here").unwrap_or(());
    }
    let (out, err) = texts(&valgrind(&[RBINFMT, "doctor", "/bin/pwd"]).unwrap());
    assert!(out.starts_with("/bin/pwd: starts"), "{out}{err}");
}
