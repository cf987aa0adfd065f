//! Agreement of the model with the kernel that runs this test: docs/execve.md. Cases of six kinds, and path walks, are made, the model
//! and the kernel are asked, and every difference is reduced and printed as a case for `rows.rs`.
//!
//!     cargo test --test agreement                              2,000 of each kind
//!     RBINFMT_CASES=1000000 cargo test --release --test agreement -- scripts elf chains strings
//!     RBINFMT_SEED=7 ...                                       other cases

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::exit, missing_docs)]

mod case;
mod chains;
mod elf;
mod machine;
mod make;
#[path = "../common/random.rs"]
mod random;
mod rows;
mod scripts;
#[path = "../common/skip.rs"]
mod skip;
mod strings;
mod walks;
mod world;

use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

/// What a worker says when the kernel gives it no table of its own.
const SKIPPED: i32 = 77;

const KINDS: [(&str, Kind); 7] = [
    ("rows", rows::run),
    ("machine", machine::run),
    ("scripts", scripts::run),
    ("elf", elf::run),
    ("chains", chains::run),
    ("strings", strings::run),
    ("walks", walks::run),
];

type Kind = fn(&mut world::World, seed: u64, cases: usize) -> Tally;

/// What came of one kind.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) cases: usize,
    pub(crate) undecided: usize,
    /// ELF files that got past the header checks.
    pub(crate) loaded: usize,
    /// Cases in which a program started or a string was taken; a test whose calls all fail says little.
    pub(crate) starts: usize,
    /// Disagreements, as cases to add to `rows.rs`.
    pub(crate) wrong: Vec<String>,
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [worker, kind, seed, cases] = arguments.as_slice()
        && worker == "--worker"
    {
        work(kind, seed.parse().unwrap(), cases.parse().unwrap());
    }
    if arguments.iter().any(|a| a == "--list") {
        KINDS.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| name.contains(w.as_str()));
    let (seed, cases) = (number("RBINFMT_SEED", 1), number("RBINFMT_CASES", 2000) as usize);
    let workers = std::thread::available_parallelism().map_or(2, |n| n.get());

    // Large kinds are split, so that every core has something to do until the end.
    let mut jobs: Vec<(&str, u64, usize)> = Vec::new();
    for (name, _) in KINDS.iter().filter(|(name, _)| is_wanted(name)) {
        let parts = if ["rows", "machine"].contains(name) || cases < 10_000 { 1 } else { workers };
        jobs.extend((0..parts).map(|part| (*name, seed + 1000 * part as u64, cases / parts)));
    }
    let mut running: Vec<(&str, Child)> = Vec::new();
    let mut failed = 0;
    let mut jobs = jobs.into_iter();
    loop {
        while running.len() < workers
            && let Some((name, seed, cases)) = jobs.next()
        {
            let arguments = ["--worker", name, &seed.to_string(), &cases.to_string()].map(str::to_owned);
            let exe = std::env::current_exe().unwrap();
            running.push((name, Command::new(exe).args(arguments).stdin(Stdio::null()).spawn().unwrap()));
        }
        if running.is_empty() {
            break;
        }
        let (name, mut child) = running.remove(0);
        match child.wait().unwrap().code() {
            Some(0) => {}
            Some(SKIPPED) => {
                let why = format!("{name}: this kernel gives an ordinary user no table of its own");
                skip::skipped::<()>(skip::Need::Namespaces, &why);
            }
            code => {
                println!("{name}: FAILED ({code:?})");
                failed += 1;
            }
        }
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn work(kind: &str, seed: u64, cases: usize) -> ! {
    let Some(mut world) = world::World::enter() else { std::process::exit(SKIPPED) };
    let (_, run) = KINDS.iter().find(|(name, _)| *name == kind).unwrap();
    let start = Instant::now();
    let tally = run(&mut world, seed, cases);
    let seconds = start.elapsed().as_secs_f64();
    let share = |n: usize| 100.0 * n as f64 / tally.cases.max(1) as f64;
    let starts = if tally.starts > 0 { format!(", {:.1} % succeed", share(tally.starts)) } else { String::new() };
    let loaded = if kind == "elf" { format!(", {:.0} % past the headers", share(tally.loaded)) } else { String::new() };
    println!(
        "{kind}: {} cases (seed {seed}), {} disagreements, {} undecided ({:.3} %){starts}{loaded}, {:.0} a second",
        tally.cases,
        tally.wrong.len(),
        tally.undecided,
        share(tally.undecided),
        tally.cases as f64 / seconds
    );
    tally.wrong.iter().take(10).for_each(|case| println!("{case}"));
    // Few cases say nothing about small shares.
    let vague = tally.cases >= 100_000 && share(tally.undecided) >= 0.1;
    let shallow = tally.cases >= 1000 && kind == "elf" && share(tally.loaded) < 33.4;
    std::process::exit((!tally.wrong.is_empty() || vague || shallow).into());
}
