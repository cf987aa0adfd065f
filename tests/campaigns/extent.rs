//! How much is asked for on the command line, and what came of it.

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The words of the command line. Those of a process for one campaign are `--part NAME` and what it needs.
pub(crate) struct Options {
    pub(crate) names: Vec<String>,
    pub(crate) list: bool,
    seconds: Option<u64>,
    seed: u64,
    pub(crate) program: PathBuf,
    pub(crate) part: Option<String>,
    pub(crate) root: Option<PathBuf>,
    started: Instant,
}

impl Options {
    pub(crate) fn read() -> Options {
        let mut options = Options {
            names: Vec::new(),
            list: false,
            seconds: None,
            seed: 1,
            program: env!("CARGO_BIN_EXE_rbinfmt").into(),
            part: None,
            root: None,
            started: Instant::now(),
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut text = || words.next().expect("a word after the option");
            match word.as_str() {
                "--seconds" => options.seconds = Some(text().parse().expect("a number")),
                "--seed" => options.seed = text().parse().expect("a number"),
                "--program" => options.program = std::path::absolute(text()).unwrap(),
                "--part" => options.part = Some(text()),
                "--root" => options.root = Some(text().into()),
                "--list" => options.list = true,
                // What cargo hands to every test program.
                option if option.starts_with('-') => {}
                _ => options.names.push(word),
            }
        }
        options
    }

    /// The words of the process for one campaign, which runs for so long where it was named and nothing else is said.
    pub(crate) fn words(&self, name: &str, seconds: u64) -> Vec<String> {
        let mut words = vec!["--part".to_owned(), name.to_owned(), "--seed".to_owned(), self.seed.to_string()];
        words.extend(["--program".to_owned(), self.program.display().to_string()]);
        if self.seconds.is_some() || !self.names.is_empty() {
            words.extend(["--seconds".to_owned(), self.seconds.unwrap_or(seconds).to_string()]);
        }
        words
    }

    pub(crate) fn extent(&self) -> Extent {
        Extent {
            seed: self.seed,
            program: self.program.clone(),
            time: self.seconds.map(Duration::from_secs),
            started: self.started,
        }
    }
}

/// How much of a campaign is to be run.
pub(crate) struct Extent {
    pub(crate) seed: u64,
    /// The rbinfmt to be run, outside of a root of its own.
    pub(crate) program: PathBuf,
    /// `None`: a few, however long that takes.
    time: Option<Duration>,
    started: Instant,
}

impl Extent {
    /// Whether only a few are to be run.
    pub(crate) fn is_few(&self) -> bool {
        self.time.is_none()
    }

    /// Whether there is to be another after so many.
    pub(crate) fn goes_on(&self, done: usize, few: usize) -> bool {
        done < few || self.time.is_some_and(|time| self.started.elapsed() < time)
    }

    /// One of so many parts of the same length, beginning now.
    pub(crate) fn part(&self, of: u32) -> Extent {
        let time = self.time.map(|time| time / of);
        Extent { seed: self.seed, program: self.program.clone(), time, started: Instant::now() }
    }
}

/// What a campaign has counted, and what must not be.
#[derive(Default)]
pub(crate) struct Report {
    counts: Vec<String>,
    wrong: Vec<String>,
}

impl Report {
    pub(crate) fn count(&mut self, what: impl Display, value: impl Display) {
        self.counts.push(format!("{what} {value}"));
    }

    pub(crate) fn wrong(&mut self, what: impl Into<String>) {
        self.wrong.push(what.into());
    }

    pub(crate) fn print(self, name: &str, options: &Options) -> ExitCode {
        let (seed, took) = (options.seed, options.started.elapsed().as_secs_f64());
        println!("{name}, seed {seed}, {took:.1} s: {}; wrong {}", self.counts.join(", "), self.wrong.len());
        for wrong in &self.wrong {
            println!("  wrong: {wrong}");
        }
        if self.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
