//! How long it takes until a foreign program runs: the emulator started directly, `rbinfmt run`, and what others have without root.
//!
//! `RBINFMT_EMULATORS=DIR RBINFMT_PROGRAM=FILE cargo bench --bench run`: static emulators, and a static busybox for arm64. The emulators
//! are in a store, and were run once before. Times are medians in milliseconds. What is not installed is left out. RBINFMT_BUILD names another
//! build of rbinfmt, as the static one.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod common;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Contender, compare, quietly};
use rbinfmt::sandbox::Sandbox;

const RBINFMT: &str = env!("CARGO_BIN_EXE_rbinfmt");

fn main() {
    let named = |name: &str| env::var_os(name).map(PathBuf::from);
    let emulators = named("RBINFMT_EMULATORS").unwrap_or("/usr/bin".into());
    let emulator = emulators.join("qemu-aarch64-static");
    let Some(program) = named("RBINFMT_PROGRAM").filter(|program| program.is_file() && emulator.is_file()) else {
        println!("SKIPPED: RBINFMT_PROGRAM is no busybox for arm64, or {} is not there", emulator.display());
        return;
    };
    if let Some(why) = Sandbox::missing() {
        println!("SKIPPED: {why}");
        return;
    }
    let after = |words: &[&str]| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command
    };
    let started = |mut command: Command| {
        let program = program.clone();
        command.args([program.as_os_str(), "true".as_ref()]);
        let command = std::cell::RefCell::new(command);
        move || quietly(&mut command.borrow_mut())
    };
    let emulator = emulator.to_str().unwrap();
    let store = tempfile::tempdir().unwrap();
    let build = named("RBINFMT_BUILD").unwrap_or(RBINFMT.into());
    let rbinfmt = |verb: &str| {
        let mut command = Command::new(&build);
        command.env("RBINFMT_STORE", store.path()).arg(verb);
        command
    };
    quietly(rbinfmt("fetch").arg("--from").arg(&emulators));
    let run = |options: &[&str]| {
        let mut command = rbinfmt("run");
        command.args(options).arg("--");
        command
    };
    started(run(&[]))();
    let mut contenders = vec![
        Contender::new("the emulator started directly", || {}, started(after(&[emulator]))),
        Contender::new("rbinfmt run", || {}, started(run(&[]))),
        Contender::new("rbinfmt run --as-root", || {}, started(run(&["--as-root"]))),
    ];
    for (tool, words) in [
        ("/usr/bin/bwrap", &["bwrap", "--unshare-user", "--dev-bind", "/", "/", emulator][..]),
        ("/usr/bin/unshare", &["unshare", "--user", "--map-root-user", "--mount", emulator]),
        ("/usr/bin/proot", &["proot", "-q", emulator]),
    ] {
        if Path::new(tool).exists() {
            contenders.push(Contender::new(words[..words.len() - 1].join(" "), || {}, started(after(words))));
        }
    }
    compare(&contenders);
}
