//! Every verb with one system call that fails, or killed in it: nothing that worked is lost, nothing is claimed that is
//! not so, nothing is left behind by the run after it, and nothing panics.
//!
//! usage: cargo test --test faults -- [--all] [--seconds N] [--seed N] [--only TEXT] [--workers N]
//!        cargo test --test faults -- --one SCENARIO CALL KIND
//!
//! Without `--all` the faults are drawn for a minute, and the seed is printed.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod inject;
mod judge;
mod scenarios;
#[path = "../common/skip.rs"]
mod skip;
mod world;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use inject::{Fault, kinds};
use judge::{Baseline, Verdict};
use rbinfmt::sandbox::Sandbox;
use scenarios::{SCENARIOS, Scenario};

/// What is asked for. A worker gets the same words, and its number.
#[derive(Debug, Clone)]
struct Campaign {
    all: bool,
    seconds: u64,
    seed: u64,
    only: String,
    workers: usize,
    worker: Option<usize>,
    root: String,
    one: Option<Fault>,
}

impl Campaign {
    fn read() -> Campaign {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs());
        let mut campaign = Campaign {
            all: false,
            seconds: 60,
            seed: now,
            only: String::new(),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            worker: None,
            root: String::new(),
            one: None,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|n| n.parse().ok()).expect("a number");
            match word.as_str() {
                "--all" => campaign.all = true,
                "--seconds" => campaign.seconds = number(),
                "--seed" => campaign.seed = number(),
                "--workers" => campaign.workers = number() as usize,
                "--worker" => campaign.worker = Some(number() as usize),
                "--only" => campaign.only = words.next().unwrap(),
                "--root" => campaign.root = words.next().unwrap(),
                "--one" => {
                    campaign.only = words.next().unwrap();
                    let mut number = || words.next().and_then(|n| n.parse().ok()).expect("a number");
                    campaign.one = Some(Fault { call: number(), kind: number() });
                    campaign.workers = 1;
                }
                // What cargo hands to every test program.
                _ => {}
            }
        }
        campaign
    }

    fn words(&self, worker: usize, root: &Path) -> Vec<String> {
        let mut words = vec!["--worker".into(), worker.to_string(), "--root".into(), root.display().to_string()];
        let values = [("--seconds", self.seconds), ("--seed", self.seed), ("--workers", self.workers as u64)];
        words.extend(values.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_string()]));
        words.extend(self.all.then(|| "--all".to_owned()));
        match self.one {
            Some(fault) => {
                words.extend(["--one".into(), self.only.clone(), fault.call.to_string(), fault.kind.to_string()]);
            }
            None => words.extend(["--only".into(), self.only.clone()]),
        }
        words
    }

    fn scenarios(&self) -> impl Iterator<Item = &'static Scenario> {
        let wanted = |s: &&Scenario| match self.one {
            Some(_) => s.name == self.only,
            None => s.name.contains(&self.only),
        };
        SCENARIOS.iter().filter(wanted)
    }
}

fn main() -> ExitCode {
    let campaign = Campaign::read();
    match campaign.worker {
        Some(number) => {
            work(&campaign, number);
            ExitCode::SUCCESS
        }
        None if std::env::args().any(|word| word == "--list") => ExitCode::SUCCESS,
        None => supervise(&campaign),
    }
}

/// Starts the workers and adds up what they say.
fn supervise(campaign: &Campaign) -> ExitCode {
    if let Some(why) = Sandbox::missing() {
        skip::skipped::<()>(skip::Need::Namespaces, &format!("the campaign of faults: {why}"));
        return ExitCode::SUCCESS;
    }
    let scratch = tempfile::tempdir().unwrap();
    world::make_emulators(scratch.path());
    println!("seed {}", campaign.seed);
    let started = Instant::now();
    let workers: Vec<Child> = (0..campaign.workers)
        .map(|number| {
            let root = scratch.path().join(format!("root-{number}"));
            std::fs::create_dir(&root).unwrap();
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(campaign.words(number, &root)).stdin(Stdio::null()).stdout(Stdio::piped());
            Sandbox { table: true }.enclose(&mut command);
            command.spawn().unwrap()
        })
        .collect();
    let readers: Vec<_> = workers.into_iter().map(|child| std::thread::spawn(move || read(child))).collect();
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut whole = true;
    for reader in readers {
        let (lines, success) = reader.join().unwrap();
        whole &= success;
        for line in lines {
            let mut fields = line.split('\t');
            let (Some(kind), Some(scenario)) = (fields.next(), fields.next()) else { continue };
            *counts.entry((scenario.to_owned(), kind.to_owned())).or_default() +=
                fields.next().and_then(|n| n.parse().ok()).unwrap_or(1);
        }
    }
    report(campaign, &counts, started.elapsed());
    let bad = counts.keys().any(|(_, kind)| kind != "runs");
    if bad || !whole { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A worker's verdicts; what it finds is shown as it comes.
fn read(mut child: Child) -> (Vec<String>, bool) {
    let mut verdicts = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        match line.strip_prefix("> ") {
            Some(verdict) => verdicts.push(verdict.to_owned()),
            None => println!("{line}"),
        }
    }
    (verdicts, child.wait().is_ok_and(|status| status.success()))
}

fn report(campaign: &Campaign, counts: &BTreeMap<(String, String), usize>, took: Duration) {
    let kinds = ["runs", "lost", "lies", "left", "panics"];
    println!("{:32}{}", "", kinds.map(|k| format!("{k:>8}")).concat());
    let mut total = [0; 5];
    for scenario in campaign.scenarios() {
        let of = |kind: &str| counts.get(&(scenario.name.to_owned(), kind.to_owned())).copied().unwrap_or(0);
        let row = kinds.map(of);
        for (sum, n) in total.iter_mut().zip(row) {
            *sum += n;
        }
        println!("{:32}{}", scenario.name, row.map(|n| format!("{n:>8}")).concat());
    }
    println!("{:32}{}", "", total.map(|n| format!("{n:>8}")).concat());
    println!("{:.0} s, {:.0} runs a second", took.as_secs_f64(), total[0] as f64 / took.as_secs_f64());
}

/// Runs its share of the faults.
fn work(campaign: &Campaign, number: usize) {
    let root = Path::new(&campaign.root);
    world::enter(root, &root.parent().unwrap().join("given"), Path::new(env!("CARGO_BIN_EXE_rbinfmt")));
    world::stay_on_cpu(number);
    let clean = world::State::now();
    let until = Instant::now() + Duration::from_secs(campaign.seconds);
    let mut baselines = Vec::new();
    for scenario in campaign.scenarios() {
        match Baseline::make(scenario, &clean) {
            Ok(baseline) => baselines.push(baseline),
            Err(wrong) => {
                println!("lies: {} without a fault: {wrong}", scenario.name);
                println!("> lies\t{}", scenario.name);
            }
        }
    }
    let mut runs: BTreeMap<&str, usize> = BTreeMap::new();
    let mut one = |baseline: &Baseline, fault: Fault| {
        *runs.entry(baseline.scenario.name).or_default() += 1;
        for Verdict { kind, text } in baseline.try_out(fault, campaign.one.is_some()) {
            println!("{kind}: {} {} {}: {text}", baseline.scenario.name, fault.call, fault.kind);
            println!("> {kind}\t{}", baseline.scenario.name);
        }
    };
    if let Some(fault) = campaign.one {
        baselines.iter().for_each(|baseline| one(baseline, fault));
    } else if campaign.all {
        for baseline in &baselines {
            let faults = baseline
                .calls
                .iter()
                .enumerate()
                .flat_map(|(at, &call)| (0..kinds(call)).map(move |kind| Fault { call: at + 1, kind }));
            // Spread evenly: neighbours go to different workers.
            faults
                .enumerate()
                .filter(|(n, _)| n % campaign.workers == number)
                .for_each(|(_, fault)| one(baseline, fault));
        }
    } else {
        let mut random = Random(campaign.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (number as u64 + 1));
        while Instant::now() < until {
            let baseline = &baselines[random.below(baselines.len())];
            let at = random.below(baseline.calls.len());
            one(baseline, Fault { call: at + 1, kind: random.below(kinds(baseline.calls[at])) });
        }
    }
    for (scenario, count) in runs {
        println!("> runs\t{scenario}\t{count}");
    }
}

/// Numbers that follow from the seed (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}
