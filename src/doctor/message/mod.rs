//! What an error message says of its cause, whoever printed it and wherever. Pure: a text in, ranked causes out.
//!
//! Lines are cleaned of what loggers and terminals add (`clean`), and read for events (who reports which error on which
//! file, `event`), for facts (`fact`), for the step of a build (`place`) and for words that one cause has. Rules over
//! all of that name the causes (`judge`). The words are data: words/*.toml.

mod arch;
mod clean;
mod event;
mod fact;
mod file_fact;
mod judge;
mod loading;
mod next;
mod place;
mod script;
mod text;
mod words;

use std::io::BufRead;

use serde::Serialize;

use super::catalogue::CauseId;
pub use super::finding::Strength;
use super::finding::{Finding, Fix};
use crate::error::{Doing, Error, Result, Status};

pub(super) use self::next::commands as next_commands;
pub use words::causes;

/// What was made of a message.
#[derive(Debug, Default, Serialize)]
pub struct Diagnosis {
    /// The causes that come into question, at most three, the strongest first.
    pub candidates: Vec<Candidate>,
    /// The cause is proved, and has nothing to do with the format of a file or the CPU that it is for.
    pub not_exec_format: bool,
    /// The kernel's error, by its name.
    pub errno: Option<&'static str>,
    /// Its number.
    pub number: Option<i32>,
    /// Who reports it.
    pub caller: Option<&'static str>,
    /// The files that could not be started.
    pub paths: Vec<String>,
    /// The platforms that are named, that of the step that failed first.
    pub platforms: Vec<String>,
    /// The machine's own architecture, where the text tells it.
    pub machine: Option<&'static str>,
    /// The image that is named.
    pub image: Option<String>,
    /// An architecture that is named, where no platform is.
    #[serde(skip)]
    other: Option<&'static str>,
    /// The entry that was registered by hand.
    #[serde(skip)]
    entry: Option<String>,
    /// What facts exclude, and what does not fit together.
    pub notes: Vec<String>,
    /// What tells more, or the first two apart.
    pub next: Option<Next>,
    /// Whether something was left out: a line too long, or more failures than are kept.
    pub cut: bool,
}

/// A cause that comes into question.
#[derive(Debug, Serialize)]
pub struct Candidate {
    /// The cause.
    pub id: CauseId,
    /// How sure it is.
    pub strength: Strength,
    /// The catalogue's title.
    pub title: &'static str,
    /// The lines that speak for it, and what else does.
    pub evidence: Vec<String>,
}

/// A command that decides.
#[derive(Debug, Serialize)]
pub struct Next {
    /// The command.
    pub command: String,
    /// What its answer means.
    pub says: String,
}

/// Reads a message: as a stream, of which only what is recognised is kept.
///
/// # Errors
/// Where the input cannot be read, and where there is nothing in it.
pub fn read(input: &mut impl BufRead) -> Result<Diagnosis> {
    let mut text = text::Text::default();
    let mut lines = clean::Lines::new(input);
    while let Some(line) = lines.next().doing(|| "reading the message")? {
        text.take(&line);
    }
    if !lines.any {
        return Err(Error::usage("reading the message", "there is nothing in it")
            .help("give the error message as text, or `-` and the text on standard input"));
    }
    let cut = lines.cut || text.events.cut;
    Ok(Diagnosis { cut, ..Diagnosis::new(&text) })
}

impl Diagnosis {
    fn new(text: &text::Text) -> Diagnosis {
        let verdict = judge::judge(text);
        let first = verdict.candidates.first();
        let proved = first.filter(|first| first.strength == Strength::Certain);
        let event = verdict.event;
        let mut diagnosis = Diagnosis {
            not_exec_format: proved.is_some_and(|first| words::NOT_EXEC_FORMAT.contains(&first.id)),
            errno: event.map(|event| event.errno.name.as_str()),
            number: event.and_then(|event| event.errno.number),
            caller: event.and_then(|event| event.caller).map(|caller| caller.name),
            paths: verdict.paths,
            platforms: platforms(text, event.and_then(|event| event.platform.as_ref())),
            machine: text.facts.machine.as_ref().map(|(arch, _)| *arch),
            image: text.image.clone(),
            other: text.facts.other(),
            entry: text.facts.registered.clone(),
            notes: verdict.notes,
            candidates: verdict.candidates,
            next: None,
            cut: false,
        };
        diagnosis.next = next::next(&diagnosis, text);
        diagnosis
    }

    /// 0 where a cause is named, 3 where nothing is recognised.
    pub fn status(&self) -> Status {
        if self.candidates.is_empty() { Status::Unknown } else { Status::Done }
    }

    /// What to do about a candidate, with the names that the text has.
    pub fn fixes(&self, candidate: &Candidate) -> Vec<Fix> {
        self.finding(candidate).fixes()
    }

    /// A candidate as the other forms of the doctor say it, with the names that the text has.
    pub fn finding(&self, candidate: &Candidate) -> Finding {
        let about = self.paths.first().or(self.image.as_ref()).cloned().unwrap_or_default();
        let mut finding = Finding::problem(candidate.id, about, "");
        finding.strength = candidate.strength;
        let finding = candidate.evidence.iter().fold(finding, |finding, seen| finding.evidence(seen));
        self.names().fold(finding, |finding, (name, value)| finding.with(name, value))
    }

    /// What the placeholders of commands stand for.
    fn names(&self) -> impl Iterator<Item = (&'static str, String)> {
        let platform = self.platforms.first();
        let named = platform.map(|platform| platform.trim_start_matches("linux/")).or(self.other);
        let arch = named.map(|name| name.split('/').next().unwrap_or_default().to_owned());
        let named = [
            ("path", self.paths.first().cloned()),
            ("image", self.image.clone()),
            ("entry", self.entry.clone()),
            ("platform", platform.cloned()),
            ("own", self.machine.map(|machine| format!("linux/{machine}"))),
            ("arch", Some(arch.unwrap_or_else(|| "ARCH".into()))),
        ];
        named.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

/// The platform of the step that failed, or of the step that the error is from, then the others; not the machine's own where there
/// is another.
fn platforms(text: &text::Text, step: Option<&String>) -> Vec<String> {
    let failed = text.steps.failed.as_ref().or(step).cloned();
    let is_of_step = failed.is_some();
    let own = |platform: &String| {
        let machine = text.facts.machine.as_ref().map(|(machine, _)| *machine);
        machine.is_some() && arch::named(platform) == machine
    };
    let image = text.facts.image.as_ref().map(|(arch, _)| format!("linux/{arch}"));
    let of_file = text.facts.only_program().map(|(arch, _)| format!("linux/{arch}"));
    let mut all: Vec<String> = Vec::new();
    let named = text.facts.platforms.iter().cloned();
    for platform in failed.into_iter().chain(of_file).chain(image).chain(named) {
        if !all.contains(&platform) {
            all.push(platform);
        }
    }
    // What is wanted is an emulator for the other one.
    if !is_of_step {
        all.sort_by_key(own);
    }
    all
}
