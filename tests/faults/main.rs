//! Every verb with one system call that fails, or killed in it: nothing that worked is lost, nothing is claimed that is
//! not so, nothing is left behind by the run after it, and nothing panics.
//!
//! usage: cargo test --test faults -- [--all] [--seconds N] [--seed N] [--only TEXT] [--workers N] [--program FILE]
//!        cargo test --test faults -- --one SCENARIO CALL KIND
//!
//! Without `--all` the faults are drawn from the seed until the seconds are over; without `--seconds` and `--seed` they are
//! the same few in every run, for `cargo test`. `--program` is another build of rbinfmt than the one of this test.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod calls;
#[path = "../fetch/common/mod.rs"]
mod fetching;
mod inject;
mod judge;
mod other;
mod prepare;
mod remote;
mod scenarios;
mod state;
mod world;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fetching::{Need, skipped};
use judge::{Baseline, Fault, Verdict};
use prepare::Remote;
use rbinfmt::sandbox::Sandbox;
use remote::Remotes;
use scenarios::{SCENARIOS, Scenario};
use state::{Eyes, State};

/// How much is run of each scenario before the next one's turn.
const TURN: usize = 25;
/// `cargo test` alone.
const SAMPLE: Duration = Duration::from_secs(5);

/// What is asked for. A worker gets the same words, and what the first process has found out.
#[derive(Debug, Clone)]
struct Campaign {
    all: bool,
    seconds: Option<u64>,
    runs: Option<u64>,
    seed: Option<u64>,
    only: String,
    workers: usize,
    program: String,
    one: Option<Fault>,
    worker: Option<Worker>,
}

#[derive(Debug, Clone)]
struct Worker {
    number: usize,
    root: String,
    remote: Remote,
}

impl Campaign {
    fn read() -> Campaign {
        let mut campaign = Campaign {
            all: false,
            seconds: None,
            runs: None,
            seed: None,
            only: String::new(),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            program: env!("CARGO_BIN_EXE_rbinfmt").into(),
            one: None,
            worker: None,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut text = || words.next().expect("a word after the option");
            match word.as_str() {
                "--all" => campaign.all = true,
                "--seconds" => campaign.seconds = Some(number(&text())),
                "--runs" => campaign.runs = Some(number(&text())),
                "--seed" => campaign.seed = Some(number(&text())),
                "--workers" => campaign.workers = number(&text()) as usize,
                "--only" => campaign.only = text(),
                "--program" => campaign.program = text(),
                "--one" => {
                    campaign.only = text();
                    campaign.one = Some(Fault { call: number(&text()) as usize, kind: number(&text()) as usize });
                    campaign.workers = 1;
                }
                "--worker" => {
                    let (number, root) = (number(&text()) as usize, text());
                    let remote = Remote { mirror: text(), registry: text() };
                    campaign.worker = Some(Worker { number, root, remote });
                }
                // What cargo hands to every test program.
                _ => {}
            }
        }
        if campaign.seed.is_none() && (campaign.seconds.is_some() || campaign.runs.is_some()) {
            campaign.seed = SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|now| now.as_secs());
        }
        campaign
    }

    /// The words of a worker: those of this process, and its own.
    fn words(&self, number: usize, root: &Path, remote: &Remote) -> Vec<String> {
        let mut words: Vec<String> = std::env::args().skip(1).collect();
        words.extend(["--seed".into(), self.seed().to_string(), "--workers".into(), self.workers.to_string()]);
        words.extend(["--worker".into(), number.to_string(), root.display().to_string()]);
        words.extend([remote.mirror.clone(), remote.registry.clone()]);
        words
    }

    fn seed(&self) -> u64 {
        self.seed.unwrap_or(1)
    }

    fn is_over(&self, runs: usize, started: Instant) -> bool {
        match (self.runs, self.seconds) {
            (Some(wanted), _) => runs as u64 >= wanted.div_ceil(self.workers as u64),
            (None, seconds) => started.elapsed() >= seconds.map_or(SAMPLE, Duration::from_secs),
        }
    }

    fn scenarios(&self) -> impl Iterator<Item = &'static Scenario> {
        let wanted = |s: &&Scenario| match self.one {
            Some(_) => s.name == self.only,
            None => s.name.contains(&self.only),
        };
        SCENARIOS.iter().filter(wanted).filter(|scenario| has_systemd() || !scenario.enables_here())
    }
}

/// The worker's root has this machine's /usr.
fn has_systemd() -> bool {
    Path::new("/usr/lib/systemd/systemd").exists()
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

fn main() -> ExitCode {
    let campaign = Campaign::read();
    match &campaign.worker {
        Some(worker) => {
            work(&campaign, worker);
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
    if !has_systemd() {
        skipped::<()>(Need::Setup, "scenarios that enable: systemd is not installed");
    }
    let scratch = tempfile::tempdir().unwrap();
    world::make_emulators(scratch.path());
    let remotes = Remotes::start(&scratch.path().join("given"));
    println!("seed {}", campaign.seed());
    let started = Instant::now();
    let workers: Vec<Child> = (0..campaign.workers)
        .map(|number| {
            let root = scratch.path().join(format!("root-{number}"));
            std::fs::create_dir(&root).unwrap();
            let mut command = Command::new(std::env::current_exe().unwrap());
            command
                .args(campaign.words(number, &root, &remotes.addresses()))
                .stdin(Stdio::null())
                .stdout(Stdio::piped());
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
fn work(campaign: &Campaign, worker: &Worker) {
    let root = Path::new(&worker.root);
    world::enter(root, &root.parent().unwrap().join("given"), Path::new(&campaign.program));
    world::stay_on_cpu(worker.number);
    let mut bench = Bench::new(campaign, worker);
    let started = Instant::now();
    if let Some(fault) = campaign.one {
        bench.run(0, fault);
    } else if campaign.all {
        for at in 0..bench.scenarios.len() {
            let Some(baseline) = bench.baseline(at) else { continue };
            // Spread evenly: neighbours go to different workers.
            let share = |(n, _): &(usize, Fault)| n % campaign.workers == worker.number;
            let faults: Vec<Fault> = baseline.faults().enumerate().filter(share).map(|(_, fault)| fault).collect();
            faults.into_iter().for_each(|fault| bench.run(at, fault));
        }
    } else {
        let mut random = Random(campaign.seed().wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (worker.number as u64 + 1));
        'all: loop {
            let at = random.below(bench.scenarios.len());
            let Some(baseline) = bench.baseline(at) else { continue };
            let faults: Vec<Fault> = baseline.faults().collect();
            for _ in 0..TURN {
                if campaign.is_over(bench.runs.values().sum(), started) {
                    break 'all;
                }
                bench.run(at, faults[random.below(faults.len())]);
            }
        }
    }
    for (scenario, count) in bench.runs {
        println!("> runs\t{scenario}\t{count}");
    }
}

/// What a worker works with.
struct Bench<'a> {
    worker: &'a Worker,
    show: bool,
    eyes: Eyes,
    clean: State,
    scenarios: Vec<&'static Scenario>,
    /// Made when they are needed; `None` where a scenario is wrong without a fault.
    baselines: BTreeMap<usize, Option<Rc<Baseline>>>,
    runs: BTreeMap<&'static str, usize>,
}

impl<'a> Bench<'a> {
    fn new(campaign: &Campaign, worker: &'a Worker) -> Bench<'a> {
        let mut eyes = Eyes::default();
        let clean = eyes.look();
        let mut scenarios: Vec<_> = campaign.scenarios().collect();
        scenarios.retain(|scenario| {
            let missing = (scenario.needs("REGISTRY") && worker.remote.registry.is_empty())
                || (scenario.needs("--persist") && !world::is_static());
            if missing && worker.number == 0 {
                println!("not run: {} (docker-registry, a static program)", scenario.name);
            }
            !missing
        });
        let (baselines, runs) = (BTreeMap::new(), BTreeMap::new());
        Bench { worker, show: campaign.one.is_some(), eyes, clean, scenarios, baselines, runs }
    }

    fn baseline(&mut self, at: usize) -> Option<Rc<Baseline>> {
        if let Some(known) = self.baselines.get(&at) {
            return known.clone();
        }
        let scenario = self.scenarios[at];
        let made = match Baseline::make(scenario, &self.clean, &mut self.eyes, &self.worker.remote) {
            Ok(baseline) => Some(Rc::new(baseline)),
            Err(wrong) => {
                println!("lies: {} without a fault: {wrong}", scenario.name);
                println!("> lies\t{}", scenario.name);
                None
            }
        };
        self.baselines.insert(at, made.clone());
        made
    }

    fn run(&mut self, at: usize, fault: Fault) {
        let Some(baseline) = self.baseline(at) else { return };
        let Some(verdicts) = baseline.try_out(fault, &mut self.eyes, self.show) else { return };
        let name = self.scenarios[at].name;
        *self.runs.entry(name).or_default() += 1;
        for Verdict { kind, text } in verdicts {
            println!("{kind}: {name} {} {}: {text}", fault.call, fault.kind);
            println!("> {kind}\t{name}");
        }
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
