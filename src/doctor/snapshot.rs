//! All facts of a machine in one value: a report carries it, and another machine judges it.

use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::host::facts::HostFacts;
use crate::error::{Doing, Error, Result};
use crate::exec::facts::ExecFacts;

/// Changes when facts that were written down cannot be read any more.
const SCHEMA: u32 = 1;

/// More is not a report of ours.
const MOST: u64 = 16 << 20;

/// The facts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    schema: u32,
    /// The version of rbinfmt that looked.
    pub rbinfmt: String,
    /// What execve(2) depends on.
    pub exec: ExecFacts,
    /// What emulation depends on.
    pub host: HostFacts,
}

impl Snapshot {
    /// The facts as this version of rbinfmt writes them.
    pub fn new(exec: ExecFacts, host: HostFacts) -> Snapshot {
        Snapshot { schema: SCHEMA, rbinfmt: env!("CARGO_PKG_VERSION").into(), exec, host }
    }

    /// Reads a report, or its facts alone; `-` is standard input.
    ///
    /// # Errors
    /// A file that cannot be read, or is not a report.
    pub fn read(path: &Path) -> Result<Snapshot> {
        let reading = || format!("reading the facts in {}", path.display());
        let mut text = String::new();
        let input: Box<dyn Read> = match path.to_str() {
            Some("-") => Box::new(std::io::stdin().lock()),
            _ => Box::new(std::fs::File::open(path).doing(reading)?),
        };
        let len = input.take(MOST + 1).read_to_string(&mut text).doing(reading)?;
        if len as u64 > MOST {
            return Err(Error::usage(reading(), "it is larger than any report"));
        }
        Snapshot::parse(&text)
            .map_err(|why| Error::usage(reading(), why).help("give it the whole output of `rbinfmt doctor --report`"))
    }

    fn parse(text: &str) -> std::result::Result<Snapshot, String> {
        let json = text.find("```json").and_then(|at| text[at + 7..].split("\n```").next()).unwrap_or(text);
        let schema = serde_json::from_str::<serde_json::Value>(json).map_err(|e| format!("it is not JSON: {e}"))?;
        match schema["schema"].as_u64() {
            Some(number) if number == u64::from(SCHEMA) => {}
            Some(other) => return Err(format!("its schema is {other}, and this rbinfmt reads {SCHEMA}")),
            None => return Err("it holds no facts of a machine".into()),
        }
        serde_json::from_value(schema).map_err(|e| format!("facts are missing or wrong: {e}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_report_is_refused() {
        for text in ["", "hello", "{}", "```json\n{\"schema\": 99}\n```", "```json\n{\"schema\": 1}\n```"] {
            assert!(Snapshot::parse(text).is_err(), "{text}");
        }
    }
}
