//! What is asked for on the command line.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::judge::Fault;
use crate::prepare::Remote;
use crate::scenarios::{SCENARIOS, Scenario};

/// `cargo test` alone.
const SAMPLE: Duration = Duration::from_secs(5);
/// On each CPU: a run waits about as long as it computes, for its retries and for what it has started.
const WORKERS_ON_CPU: usize = 2;

/// A worker gets the words of the first process, and what that has found out.
#[derive(Debug, Clone)]
pub(crate) struct Campaign {
    pub(crate) all: bool,
    seconds: Option<u64>,
    runs: Option<u64>,
    seed: Option<u64>,
    pub(crate) only: String,
    /// The one system call whose faults are run.
    pub(crate) call: Option<String>,
    pub(crate) workers: usize,
    pub(crate) program: String,
    /// Where the results of whole scenarios are kept.
    pub(crate) record: Option<String>,
    pub(crate) one: Option<Fault>,
    pub(crate) worker: Option<Worker>,
    /// Scenarios that the record has.
    done: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Worker {
    pub(crate) number: usize,
    pub(crate) root: String,
    pub(crate) remote: Remote,
}

impl Campaign {
    pub(crate) fn read() -> Campaign {
        let mut campaign = Campaign {
            all: false,
            seconds: None,
            runs: None,
            seed: None,
            only: String::new(),
            call: None,
            workers: WORKERS_ON_CPU * std::thread::available_parallelism().map_or(1, usize::from),
            program: env!("CARGO_BIN_EXE_rbinfmt").into(),
            record: None,
            one: None,
            worker: None,
            done: Vec::new(),
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
                "--call" => campaign.call = Some(text()),
                "--program" => campaign.program = text(),
                "--record" => campaign.record = Some(text()),
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
                "--done" => campaign.done.push(text()),
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
    pub(crate) fn words<'a>(&self, worker: &Worker, done: impl Iterator<Item = &'a str>) -> Vec<String> {
        let mut words: Vec<String> = std::env::args().skip(1).collect();
        words.extend(["--seed".into(), self.seed().to_string(), "--workers".into(), self.workers.to_string()]);
        words.extend(["--worker".into(), worker.number.to_string(), worker.root.clone()]);
        words.extend([worker.remote.mirror.clone(), worker.remote.registry.clone()]);
        words.extend(done.flat_map(|scenario| ["--done".into(), scenario.into()]));
        words
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed.unwrap_or(1)
    }

    /// Whether a worker that has done so many runs since then is to end.
    pub(crate) fn is_over(&self, runs: usize, started: Instant) -> bool {
        match (self.runs, self.seconds) {
            (Some(wanted), _) => runs as u64 >= wanted.div_ceil(self.workers as u64),
            (None, Some(seconds)) => started.elapsed() >= Duration::from_secs(seconds),
            (None, None) => !self.all && started.elapsed() >= SAMPLE,
        }
    }

    /// What is to be run, with what the record has.
    pub(crate) fn scenarios(&self) -> impl Iterator<Item = &'static Scenario> {
        let wanted = |s: &&Scenario| match self.one {
            Some(_) => s.name == self.only,
            None => s.name.contains(&self.only),
        };
        SCENARIOS.iter().filter(wanted).filter(|scenario| has_systemd() || !scenario.enables_here())
    }

    pub(crate) fn is_done(&self, scenario: &Scenario) -> bool {
        self.done.iter().any(|done| done == scenario.name)
    }
}

/// The worker's root has this machine's /usr.
pub(crate) fn has_systemd() -> bool {
    Path::new("/usr/lib/systemd/systemd").exists()
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}
