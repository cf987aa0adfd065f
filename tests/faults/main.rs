//! Every verb with one system call that fails, or killed in it: nothing that worked is lost, nothing is claimed that is
//! not so, nothing is left behind by the run after it, and nothing panics.
//!
//! usage: cargo test --test faults -- [--runs N] [--seconds N] [--seed N] [WHAT]
//!        cargo test --test faults -- --all [--record FILE] [--seconds N] [WHAT]
//!        cargo test --test faults -- --one SCENARIO CALL KIND
//! WHAT: [--only TEXT] [--call NAME] [--workers N] [--program FILE]
//!
//! Without `--all` the faults are drawn from the seed until the runs are done or the seconds over; without any of them they
//! are the same few each time, for `cargo test`. With `--record`, a campaign that was ended goes on after the last scenario
//! that was finished. `--only` are scenarios with this in their name, `--call` is a system call; `--program` is another build of
//! rbinfmt than the one of this test.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod calls;
mod campaign;
#[path = "../fetch/common/mod.rs"]
mod fetching;
mod inject;
mod judge;
mod other;
mod prepare;
mod remote;
mod results;
mod scenarios;
mod spawn;
mod state;
mod work;
mod world;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use campaign::{Campaign, Worker};
use fetching::{Need, skipped};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use rbinfmt::sandbox::Sandbox;
use remote::Remotes;
use results::{Record, Results};

fn main() -> ExitCode {
    let campaign = Campaign::read();
    match &campaign.worker {
        Some(worker) => {
            work::work(&campaign, worker);
            ExitCode::SUCCESS
        }
        None if std::env::args().any(|word| word == "--list") => ExitCode::SUCCESS,
        None => supervise(&campaign),
    }
}

/// Starts the workers and adds up what they say.
fn supervise(campaign: &Campaign) -> ExitCode {
    if let Some(why) = Sandbox::missing() {
        skipped::<()>(Need::Namespaces, &format!("the campaign of faults: {why}"));
        return ExitCode::SUCCESS;
    }
    if !campaign::has_systemd() {
        skipped::<()>(Need::Setup, "scenarios that enable: systemd is not installed");
    }
    let (mut record, mut results) = match &campaign.record {
        Some(path) => {
            let (record, results) = Record::open(Path::new(path), Path::new(&campaign.program));
            (Some(record), results)
        }
        None => (None, Results::default()),
    };
    let scratch = tempfile::tempdir().unwrap();
    world::make_emulators(scratch.path());
    let remotes = Remotes::start(&scratch.path().join("given"));
    println!("seed {}", campaign.seed());
    let (started, computed, recorded) = (Instant::now(), computed(), results.total().0);
    let (to, lines) = channel();
    let readers: Vec<_> = (0..campaign.workers)
        .map(|number| {
            let root = scratch.path().join(format!("root-{number}"));
            std::fs::create_dir(&root).unwrap();
            let worker = Worker { number, root: root.display().to_string(), remote: remotes.addresses() };
            let child = start(campaign.words(&worker, results.scenarios()));
            let to = to.clone();
            std::thread::spawn(move || read(child, &to))
        })
        .collect();
    drop(to);
    let mut finished: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines {
        let mut fields = line.split('\t');
        let (Some(kind), Some(scenario)) = (fields.next(), fields.next()) else { continue };
        if kind != "done" {
            results.add(scenario, kind, fields.next().and_then(|n| n.parse().ok()).expect("a count"));
            continue;
        }
        let workers = finished.entry(scenario.to_owned()).or_default();
        *workers += 1;
        if let Some(record) = record.as_mut().filter(|_| *workers == campaign.workers) {
            record.append(scenario, &results);
        }
    }
    let failed = readers.into_iter().map(|reader| reader.join().unwrap()).filter(|well| !well).count();
    results.print(campaign.scenarios().map(|scenario| scenario.name));
    let (runs, bad) = results.total();
    let (took, runs) = (started.elapsed().as_secs_f64(), (runs - recorded) as f64);
    let each = (crate::computed() - computed).as_secs_f64() * 1000.0 / runs;
    println!("{took:.0} s, {:.0} runs a second, {each:.1} ms of CPU each", runs / took);
    if bad == 0 && failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn start(words: Vec<String>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped());
    Sandbox { table: true }.enclose(&mut command);
    command.spawn().unwrap()
}

/// Passes on what a worker says to this process, and prints what it finds; whether it went well.
fn read(mut child: Child, to: &Sender<String>) -> bool {
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        match line.strip_prefix("> ") {
            Some(count) => to.send(count.to_owned()).unwrap(),
            None => println!("{line}"),
        }
    }
    child.wait().is_ok_and(|status| status.success())
}

/// The CPU time of this process and of those that have ended.
fn computed() -> Duration {
    let of = |who| {
        let usage = getrusage(who).unwrap();
        (usage.user_time() + usage.system_time()).num_microseconds()
    };
    Duration::from_micros((of(UsageWho::RUSAGE_SELF) + of(UsageWho::RUSAGE_CHILDREN)) as u64)
}
