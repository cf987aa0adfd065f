//! What came of the runs of each scenario: counted, printed, and kept in a file when a campaign is run in parts.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use rbinfmt::verify::Digest;

/// What is counted.
const KINDS: [&str; 5] = ["runs", "lost", "lies", "left", "panics"];

type Row = [usize; KINDS.len()];

#[derive(Debug, Default)]
pub(crate) struct Results(BTreeMap<String, Row>);

impl Results {
    pub(crate) fn add(&mut self, scenario: &str, kind: &str, count: usize) {
        let column = KINDS.iter().position(|k| *k == kind).expect("a kind");
        self.0.entry(scenario.to_owned()).or_default()[column] += count;
    }

    fn of(&self, scenario: &str) -> Row {
        self.0.get(scenario).copied().unwrap_or_default()
    }

    pub(crate) fn scenarios(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// How many runs there were, and how much came of them that must not be.
    pub(crate) fn total(&self) -> (usize, usize) {
        let sum = |from: fn(&Row) -> usize| self.0.values().map(from).sum();
        (sum(|row| row[0]), sum(|row| row[1..].iter().sum()))
    }

    /// Prints the table of docs/reliability.md.
    pub(crate) fn print<'a>(&self, scenarios: impl Iterator<Item = &'a str>) {
        println!("| scenario | {} |\n|---|---:|---:|---:|---:|---:|", KINDS.join(" | "));
        let row = |name: &str, row: Row| println!("| {name} | {} |", row.map(|n| n.to_string()).join(" | "));
        let mut all = Row::default();
        for scenario in scenarios {
            let counts = self.of(scenario);
            all.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
            row(scenario, counts);
        }
        row("**all**", all);
    }
}

/// The results of scenarios all of whose faults have been run, one a line, after a line that says with which program.
pub(crate) struct Record(File);

impl Record {
    /// Goes on with a record, or begins one; what it has.
    pub(crate) fn open(path: &Path, program: &Path) -> (Record, Results) {
        let program = format!("program {}", Digest::of(&std::fs::read(program).unwrap()));
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).unwrap();
        let mut results = Results::default();
        let mut lines = BufReader::new(&file).lines().map(Result::unwrap);
        match lines.next() {
            Some(of) => assert!(of == program, "{} is of another program: remove it", path.display()),
            None => writeln!(&file, "{program}").unwrap(),
        }
        for line in lines {
            let (scenario, counts) = line.split_once('\t').expect("a scenario and its counts");
            for (kind, count) in KINDS.iter().zip(counts.split('\t')) {
                results.add(scenario, kind, count.parse().expect("a count"));
            }
        }
        file.flush().unwrap();
        (Record(file), results)
    }

    pub(crate) fn append(&mut self, scenario: &str, results: &Results) {
        let counts = results.of(scenario).map(|n| n.to_string()).join("\t");
        writeln!(self.0, "{scenario}\t{counts}").unwrap();
    }
}
