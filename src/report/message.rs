//! What a message says of its cause.

use std::fmt::Write;

use serde_json::{Value, json};

use super::diagnostic::BOLD;
use super::doctor::{self, SCHEMA};
use crate::doctor::file::FileVerdict;
use crate::doctor::message::Diagnosis;

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
        "image": diagnosis.image,
        "next": diagnosis.next,
        "fixes": fixes,
        "cut": diagnosis.cut,
        "files": files.iter().map(doctor::json).collect::<Vec<_>>(),
    })
}

/// For people.
pub fn text(diagnosis: &Diagnosis, files: &[FileVerdict]) -> String {
    let mut text = String::new();
    let Some(first) = diagnosis.candidates.first() else {
        text += "This is not an exec-format problem: nothing in the text says that a program could not be started.\n";
        text += "Paste more of it, with the lines around the error, if you think otherwise.\n";
        return text;
    };
    let _ = writeln!(text, "{}", heard(diagnosis));
    for candidate in &diagnosis.candidates {
        let percent = format!("{:.0} %", candidate.probability * 100.0);
        let _ = writeln!(text, "{percent:>5}  {BOLD}{}{BOLD:#}: {}", candidate.id, candidate.title);
        // Lines that speak for all of them are told once.
        let own = candidate.evidence.iter().filter(|seen| candidate.id == first.id || !first.evidence.contains(seen));
        for seen in own {
            let _ = writeln!(text, "       = {seen}");
        }
    }
    if let Some(next) = &diagnosis.next {
        let about = if diagnosis.candidates.len() > 1 { "to distinguish the first two" } else { "to be sure" };
        let _ = writeln!(text, "{BOLD}next:{BOLD:#} {about}: {}\n        {}", next.says, next.command);
    }
    for fix in diagnosis.fixes(first) {
        let _ = writeln!(text, "{BOLD}help:{BOLD:#} {}", fix.text);
        for line in fix.command.iter().flat_map(|command| command.lines()) {
            let _ = writeln!(text, "        {line}");
        }
    }
    for exam in files {
        let _ = writeln!(text, "{BOLD}here:{BOLD:#} this machine's {}", doctor::line(exam));
    }
    if diagnosis.cut {
        text += "note: the text was long; not all of it was weighed\n";
    }
    let _ = writeln!(text, "{BOLD}note:{BOLD:#} more: rbinfmt explain {}", first.id);
    text
}

/// What the text is about, in one line.
fn heard(diagnosis: &Diagnosis) -> String {
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
    parts.extend(diagnosis.image.as_ref().map(|image| format!("image {image}")));
    if parts.is_empty() { "What the text says:".into() } else { parts.join("; ") }
}
