//! What an error message says of its cause, whoever printed it and wherever. Pure: a text in, ranked causes out.
//!
//! Lines are cleaned of what loggers and terminals add, recognised (who reports which error on which file, and words that
//! only one cause has), and what was recognised is weighed. The words are data: signs.toml and the files beside it.

mod clean;
mod patterns;
mod rank;
mod recognise;

use std::io::BufRead;

use serde::Serialize;

use super::finding::{Finding, Fix};
use crate::doctor::catalogue::CauseId;
use crate::error::{Doing, Result, Status};

pub use patterns::causes;

/// What was made of a message.
#[derive(Debug, Default, Serialize)]
pub struct Diagnosis {
    /// The causes that come into question, the likeliest first.
    pub candidates: Vec<Candidate>,
    /// The text speaks of no program that could not be started.
    pub not_exec_format: bool,
    /// The kernel's error, by its name.
    pub errno: Option<&'static str>,
    /// Its number.
    pub number: Option<i32>,
    /// Who reports it.
    pub caller: Option<&'static str>,
    /// The files that could not be started.
    pub paths: Vec<String>,
    /// The platforms that are named.
    pub platforms: Vec<String>,
    /// The image that is named.
    pub image: Option<String>,
    /// What tells the first two apart.
    pub next: Option<Next>,
    /// Whether something was left out: a line too long, or more failures than are kept.
    pub cut: bool,
}

/// A cause that comes into question.
#[derive(Debug, Serialize)]
pub struct Candidate {
    /// The cause.
    pub id: CauseId,
    /// How likely it is, from 0 to 1.
    pub probability: f64,
    /// The catalogue's title.
    pub title: &'static str,
    /// The lines that speak for it, and what else does.
    pub evidence: Vec<String>,
}

/// A command that decides between the first two.
#[derive(Debug, Serialize)]
pub struct Next {
    /// The command.
    pub command: String,
    /// What its answer means.
    pub says: String,
}

/// Reads a message: as a stream, of which only what is recognised is kept.
pub fn read(input: &mut impl BufRead) -> Result<Diagnosis> {
    let mut marks = recognise::Marks::default();
    let mut lines = clean::Lines::new(input);
    while let Some(line) = lines.next().doing(|| "reading the message")? {
        marks.take(line);
    }
    marks.cut |= lines.cut;
    Ok(rank::rank(marks))
}

impl Diagnosis {
    /// 0 where a cause is named, 3 where nothing is recognised.
    pub fn status(&self) -> Status {
        if self.candidates.is_empty() { Status::Unknown } else { Status::Done }
    }

    /// What to do about a candidate, with the names that the text has.
    pub fn fixes(&self, candidate: &Candidate) -> Vec<Fix> {
        let mut finding = Finding::problem(candidate.id, "", "");
        for (name, value) in self.names() {
            finding = finding.with(name, value);
        }
        finding.fixes()
    }

    /// What the placeholders of commands stand for.
    fn names(&self) -> impl Iterator<Item = (&'static str, String)> {
        let platform = self.platforms.first();
        let arch = platform.map(|p| p.trim_start_matches("linux/").split('/').next().unwrap_or_default().to_owned());
        let named = [
            ("path", self.paths.first().cloned()),
            ("image", self.image.clone()),
            ("platform", platform.cloned()),
            ("arch", Some(arch.unwrap_or_else(|| "ARCH".into()))),
        ];
        named.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}
