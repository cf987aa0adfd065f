//! What a message says of its cause.

use std::fmt::Write;

use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::diagnostic::{self, BOLD};
use super::doctor;
use crate::doctor::catalogue::{Form, Label};
use crate::doctor::file::FileVerdict;
use crate::doctor::finding::Finding;
use crate::doctor::message::{Candidate, Diagnosis};
use crate::error::Status;

/// What is said of a message, and of the files here that it names.
#[derive(Debug)]
pub struct MessageAnswer {
    /// What the text says.
    pub diagnosis: Diagnosis,
    /// The files.
    pub files: Vec<FileVerdict>,
}

impl Answer for MessageAnswer {
    fn door(&self) -> Form {
        Form::Message
    }

    fn target(&self) -> Option<String> {
        self.diagnosis.paths.first().cloned()
    }

    fn status(&self) -> Status {
        self.diagnosis.status()
    }

    fn findings(&self) -> Vec<Finding> {
        let detail = heard(&self.diagnosis).unwrap_or_default();
        let finding = |candidate| {
            let mut finding = self.diagnosis.finding(candidate);
            finding.detail.clone_from(&detail);
            finding
        };
        self.diagnosis.candidates.iter().map(finding).collect()
    }

    fn fine(&self) -> String {
        "nothing recognised".into()
    }

    fn text(&self, _: bool) -> String {
        text(&self.diagnosis, &self.files)
    }

    fn details(&self) -> Value {
        let diagnosis = &self.diagnosis;
        let fixes = diagnosis.candidates.first().map(|first| diagnosis.fixes(first)).unwrap_or_default();
        json!({
            "candidates": diagnosis.candidates,
            "not_exec_format": diagnosis.not_exec_format,
            "errno": diagnosis.errno,
            "number": diagnosis.number,
            "caller": diagnosis.caller,
            "paths": diagnosis.paths,
            "platforms": diagnosis.platforms,
            "machine": diagnosis.machine,
            "image": diagnosis.image,
            "notes": diagnosis.notes,
            "next": diagnosis.next,
            "fixes": fixes,
            "cut": diagnosis.cut,
            "files": self.files.iter().map(|file| answer::json(file)).collect::<Vec<_>>(),
        })
    }
}

/// For people: the first cause and what to do, then the others, then what finds out more.
fn text(diagnosis: &Diagnosis, files: &[FileVerdict]) -> String {
    let mut text = String::new();
    let Some(first) = diagnosis.candidates.first() else {
        text += "nothing recognised: the text has no error that speaks of a program which could not be started\n";
        next(&mut text, diagnosis);
        here(&mut text, files);
        return text;
    };
    if diagnosis.not_exec_format {
        text += "This is not an exec-format problem.\n";
    }
    cause(&mut text, first, &[]);
    diagnostic::fixes(&mut text, &diagnosis.fixes(first));
    heard(diagnosis).iter().chain(&diagnosis.notes).for_each(|line| text.push_str(&diagnostic::seen(line)));
    for other in &diagnosis.candidates[1..] {
        cause(&mut text, other, &first.evidence);
    }
    next(&mut text, diagnosis);
    here(&mut text, files);
    if diagnosis.cut {
        text += "note: the text was long; not all of it was weighed\n";
    }
    let _ = writeln!(text, "{BOLD}{}:{BOLD:#} {}: rbinfmt explain {}", Label::Note, Label::More, first.id);
    text
}

/// A cause and what speaks for it; lines that were told are not told again.
fn cause(text: &mut String, candidate: &Candidate, told: &[String]) {
    let (strength, title) = (candidate.strength.label(), candidate.id.cause().title());
    let _ = writeln!(text, "{BOLD}{strength}[{}]: {title}{BOLD:#}", candidate.id);
    for seen in candidate.evidence.iter().filter(|seen| !told.contains(seen)) {
        text.push_str(&diagnostic::seen(seen));
    }
}

fn next(text: &mut String, diagnosis: &Diagnosis) {
    if let Some(next) = &diagnosis.next {
        let _ = writeln!(text, "{BOLD}{}:{BOLD:#} {}\n        {}", Label::Next, next.says, next.command);
    }
}

fn here(text: &mut String, files: &[FileVerdict]) {
    for exam in files {
        let _ = writeln!(text, "{BOLD}{}:{BOLD:#} this machine's {}", Label::Here, doctor::line(exam));
    }
}

/// What the text is about, in one line.
fn heard(diagnosis: &Diagnosis) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(errno) = diagnosis.errno {
        parts.push(diagnosis.number.map_or(errno.to_owned(), |number| format!("{errno} ({number})")));
    }
    parts.extend(diagnosis.caller.map(|caller| format!("reported by {caller}")));
    if !diagnosis.paths.is_empty() {
        parts.push(format!("for {}", diagnosis.paths.join(", ")));
    }
    if !diagnosis.platforms.is_empty() {
        parts.push(format!("platforms: {}", diagnosis.platforms.join(", ")));
    }
    parts.extend(diagnosis.machine.map(|machine| format!("on {machine}")));
    parts.extend(diagnosis.image.as_ref().map(|image| format!("image {image}")));
    (!parts.is_empty()).then(|| parts.join("; "))
}
