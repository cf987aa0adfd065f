//! All that is printed: nothing else in the program writes to standard output or standard error.

pub mod answer;
pub mod boot;
pub mod diagnostic;
pub mod doctor;
pub mod explain;
pub mod features;
pub mod host;
pub mod image;
pub mod message;
pub mod metrics;
pub mod paste;
pub mod progress;
pub mod rows;
pub mod run;
pub mod sarif;
mod style;
pub mod table;
mod wrap;

pub use self::style::{json_line, plain};

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::error::{Error, Result, Status};
use crate::text::{is_steering, printable};

/// Who prints, and how much.
#[derive(Debug, Clone, Copy, Default)]
pub struct Printer {
    /// Only errors.
    pub quiet: bool,
    /// Also what needed no change.
    pub verbose: bool,
    /// JSON on standard output.
    pub json: bool,
}

impl Printer {
    /// A line of the result.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn line(&self, text: impl AsRef<str>) -> Result<()> {
        if self.quiet { Ok(()) } else { out(text.as_ref()) }
    }

    /// A part of the result in its own bytes.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn bytes(&self, bytes: &[u8]) -> Result<()> {
        let stdout = io::stdout().lock();
        match stdout.is_terminal() {
            true => line(stdout, style::shown(&String::from_utf8_lossy(bytes)).as_bytes()),
            false => line(stdout, bytes),
        }
    }

    /// A value as JSON, which is printed even when quiet: somebody asked for it.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn value(&self, value: &impl Serialize) -> Result<()> {
        out(&json_pretty(value)?)
    }

    /// Something worth knowing that is not a result.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            complain(&format!("note: {}", text.as_ref()));
        }
    }

    /// Something that will go wrong later.
    pub fn warn(&self, text: impl AsRef<str>) {
        complain(&format!("warning: {}", text.as_ref()));
    }

    /// A warning where something failed that does not count.
    pub fn warn_of(&self, result: Result<()>) {
        if let Err(error) = result {
            self.warn(error.to_string());
        }
    }

    /// An error: what was being done, why it failed, what to do next.
    pub fn error(&self, error: &Error) -> Status {
        complain(&format!("error: {error}"));
        if let Some(help) = error.help_text() {
            complain(&format!(" help: {help}"));
        }
        error.status()
    }
}

/// A line of the drop-in's standard error.
pub fn complain(text: &str) {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{}", printable(text));
}

/// A value as JSON of many lines.
///
/// # Errors
/// Where it cannot be written as JSON.
pub fn json_pretty(value: &impl Serialize) -> Result<String> {
    serde_json::to_string_pretty(value).map(style::json).map_err(|e| Error::failed("writing JSON", e))
}

/// What is wrong with a command line, in the words of its parser, which repeat what was typed; of names of files that have
/// control characters only what kind of mistake it is.
pub fn wrong_usage(error: &clap::Error, mut words: impl Iterator<Item = OsString>) -> Status {
    if words.any(|word| word.to_string_lossy().chars().any(is_steering)) {
        let error = Error::usage("reading the command line", error.kind());
        return Printer::default()
            .error(&error.help("a word of it has control characters; put -- before names of files"));
    }
    error.to_string().trim_end().lines().for_each(complain);
    Status::Usage
}

/// A line of standard output; styles reach terminals alone, and none where NO_COLOR is set.
pub(crate) fn out(text: &str) -> Result<()> {
    line(anstream::stdout().lock(), style::shown(text).as_bytes())
}

fn line(mut to: impl Write, bytes: &[u8]) -> Result<()> {
    match to.write_all(bytes).and_then(|()| to.write_all(b"\n")) {
        // The reader has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| Error::io("writing to standard output", error)),
    }
}
