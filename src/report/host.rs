//! What the doctor says of a host.

use serde_json::{Value, json};

use super::diagnostic;
use super::style::{Style, add_line};
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::{Finding, Severity};
use crate::doctor::host::check::{Check, Count, State};
use crate::doctor::host::facts::HostFacts;

/// Changes when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

const BOLD: Style = Style::Bold;

/// One object.
pub fn json(checks: &[Check], facts: Option<&HostFacts>) -> Value {
    let mut object = json!({"schema": SCHEMA, "target": null, "count": Count::of(checks), "checks": checks});
    if let (Some(facts), Some(fields)) = (facts, object.as_object_mut()) {
        fields.insert("facts".into(), json!(facts));
    }
    object
}

/// A line for each check, a diagnostic for each finding, the worst first, and a count. Notes take one line unless all is
/// wanted (`verbose`).
pub fn text(checks: &[Check], verbose: bool) -> String {
    let mut text = String::new();
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut group = "";
    for check in checks {
        if check.group != group {
            group = check.group;
            text.push_str(&format!("{BOLD}{group}{BOLD:#}\n"));
        }
        let (mark, style, said) = match &check.state {
            State::Fine(said) => ("ok", Style::Green, said.clone()),
            State::Unseen(why) => ("??", Style::Cyan, format!("not seen: {why}")),
            State::Found(findings) => {
                let (mark, style) = mark(findings);
                (mark, style, headline(findings))
            }
        };
        add_line(&mut text, format_args!("  {style}{mark}{style:#} {:width$}  {said}", check.name));
    }
    text.push('\n');
    let mut findings: Vec<&Finding> = checks.iter().flat_map(Check::findings).collect();
    findings.sort_by_key(|finding| finding.severity);
    for finding in findings {
        if finding.severity == Severity::Note && !verbose {
            let (id, about, detail) = (finding.id, &finding.about, &finding.detail);
            add_line(&mut text, format_args!("{BOLD}note[{id}]{BOLD:#} {about}: {detail}"));
        } else {
            text.push_str(&diagnostic::text(finding));
            text.push('\n');
        }
    }
    if text.ends_with("\n\n") { text + &summary(checks) } else { format!("{text}\n{}", summary(checks)) }
}

fn mark(findings: &[Finding]) -> (&'static str, Style) {
    match findings.iter().map(|finding| finding.severity).min() {
        Some(Severity::Problem) => ("XX", Style::Red),
        Some(Severity::Warning) => ("!!", Style::Yellow),
        Some(Severity::Note) | None => ("--", Style::Green),
    }
}

/// The causes by name, each with what it is about.
fn headline(findings: &[Finding]) -> String {
    let mut causes: Vec<(CauseId, Vec<&str>)> = Vec::new();
    for finding in findings {
        match causes.iter_mut().find(|(id, _)| *id == finding.id) {
            Some((_, about)) => about.push(&finding.about),
            None => causes.push((finding.id, vec![&finding.about])),
        }
    }
    let causes = causes.iter().map(|(id, about)| format!("{id} ({})", about.join(", ")));
    causes.collect::<Vec<_>>().join("; ")
}

/// "2 problems, 1 warning, 14 fine, 3 not seen"; a sentence where all is well.
fn summary(checks: &[Check]) -> String {
    let count = Count::of(checks);
    let notes = (count.notes > 0).then(|| counted(count.notes, "note"));
    if (count.problems, count.warnings, count.unseen) == (0, 0, 0) {
        let notes = notes.map_or_else(String::new, |notes| format!(", {notes}"));
        return format!("All is well with this machine: {} fine{notes}.", counted(count.fine, "check"));
    }
    let mut parts = Vec::new();
    parts.extend((count.problems > 0).then(|| counted(count.problems, "problem")));
    parts.extend((count.warnings > 0).then(|| counted(count.warnings, "warning")));
    parts.extend(notes);
    parts.push(format!("{} fine", count.fine));
    parts.extend((count.unseen > 0).then(|| format!("{} not seen", count.unseen)));
    parts.join(", ")
}

fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
