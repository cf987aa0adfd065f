//! The command line: exit statuses, spellings, profiles, the drop-in's contract, and what somebody without rights gets.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod boot;
mod drop_in;
mod hostile;
mod profiles;
mod rights;
mod valgrind;
mod words;

use assert_cmd::Command;

/// rbinfmt where it needs no table.
fn rbinfmt(args: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = Command::new(common::RBINFMT);
    for name in ["QEMU_BINARY_PATH", "QEMU_BINARY_PREFIX", "QEMU_PRESERVE_ARGV0"] {
        command.env_remove(name);
    }
    command.args(args).assert()
}

/// Standard output of a run that has to end with `status`, and its standard error.
fn said(args: &[&str], status: i32) -> (String, String) {
    let assert = rbinfmt(args).code(status);
    common::texts(assert.get_output())
}
