//! What a message says of its cause.

use serde_json::{Value, json};

use super::diagnostic::BOLD;
use super::doctor::{self, SCHEMA};
use super::style::add_line;
use crate::doctor::file::FileVerdict;
use crate::doctor::message::{Candidate, Diagnosis, Strength};

/// One object.
pub fn json(diagnosis: &Diagnosis, files: &[FileVerdict]) -> Value {
    let fixes = diagnosis.candidates.first().map(|first| diagnosis.fixes(first)).unwrap_or_default();
    json!({
        "schema": SCHEMA,
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
        "files": files.iter().map(doctor::json).collect::<Vec<_>>(),
    })
}

/// For people: the first cause and what to do, then the others, then what finds out more.
pub fn text(diagnosis: &Diagnosis, files: &[FileVerdict]) -> String {
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
    if let Some(heard) = heard(diagnosis) {
        add_line(&mut text, format_args!("   = {heard}"));
    }
    for note in &diagnosis.notes {
        add_line(&mut text, format_args!("   = {note}"));
    }
    for fix in diagnosis.fixes(first) {
        add_line(&mut text, format_args!("{BOLD}help:{BOLD:#} {}", fix.text));
        for command in fix.command.iter().flat_map(|command| command.lines()) {
            add_line(&mut text, format_args!("        {command}"));
        }
    }
    for other in &diagnosis.candidates[1..] {
        cause(&mut text, other, &first.evidence);
    }
    next(&mut text, diagnosis);
    here(&mut text, files);
    if diagnosis.cut {
        text += "note: the text was long; not all of it was weighed\n";
    }
    add_line(&mut text, format_args!("{BOLD}note:{BOLD:#} more: rbinfmt explain {}", first.id));
    text
}

/// A cause and what speaks for it; lines that were told are not told again.
fn cause(text: &mut String, candidate: &Candidate, told: &[String]) {
    let word = match candidate.strength {
        Strength::Certain => "certain",
        Strength::Likely => "likely",
        Strength::Possible => "possible",
    };
    add_line(text, format_args!("{BOLD}{word}[{}]: {}{BOLD:#}", candidate.id, candidate.title));
    for seen in candidate.evidence.iter().filter(|seen| !told.contains(seen)) {
        add_line(text, format_args!("   = {seen}"));
    }
}

fn next(text: &mut String, diagnosis: &Diagnosis) {
    if let Some(next) = &diagnosis.next {
        add_line(text, format_args!("{BOLD}next:{BOLD:#} {}", next.says));
        add_line(text, format_args!("        {}", next.command));
    }
}

fn here(text: &mut String, files: &[FileVerdict]) {
    for exam in files {
        add_line(text, format_args!("{BOLD}here:{BOLD:#} this machine's {}", doctor::line(exam)));
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
