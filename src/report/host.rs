//! What the doctor says of a host.

use serde_json::{Value, json};

use super::answer::Answer;
use super::diagnostic::{self, BOLD};
use super::style::Style;
use crate::doctor::catalogue::{Advice, CauseId, FixClass, Form, Label, Language};
use crate::doctor::finding::{Finding, Fix, Severity};
use crate::doctor::host::REGISTER_ALL;
use crate::doctor::host::check::{self, Check, Count, State};
use crate::error::Status;

/// What is said of a machine.
#[derive(Debug)]
pub struct HostAnswer {
    /// Every check that was made.
    pub checks: Vec<Check>,
    /// How many entries its table has; `None` where that is not seen.
    pub entries: Option<usize>,
}

impl Answer for HostAnswer {
    fn door(&self) -> Form {
        Form::Host
    }

    fn target(&self) -> Option<String> {
        None
    }

    fn status(&self) -> Status {
        check::status(&self.checks)
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.checks.iter().flat_map(Check::findings).cloned().collect();
        findings.sort_by_key(|finding| finding.severity);
        findings
    }

    fn fine(&self) -> String {
        if self.entries == Some(0) { Label::NothingRegistered.to_string() } else { summary(&self.checks) }
    }

    fn text(&self, verbose: bool) -> String {
        match self.entries {
            Some(0) => format!("{}\n{}", nothing_registered(), text(&self.checks, verbose)),
            _ => text(&self.checks, verbose),
        }
    }

    fn details(&self) -> Value {
        json!({"entries": self.entries, "count": Count::of(&self.checks), "checks": self.checks})
    }
}

/// The first thing to know of a machine whose table is empty, and the one command.
fn nothing_registered() -> String {
    let fix = Fix {
        text: Advice::RegisterAll.text(Language::current()).into(),
        command: Some(REGISTER_ALL.into()),
        class: FixClass::Safe,
    };
    let mut text = format!("{BOLD}{}{BOLD:#}\n", Label::NothingRegistered);
    diagnostic::fixes(&mut text, &[fix]);
    text
}

/// A diagnostic for each finding, the worst first, a line for each check, and a count. Notes take one line unless all is
/// wanted (`verbose`).
pub fn text(checks: &[Check], verbose: bool) -> String {
    let mut text = findings(checks, verbose);
    if !text.is_empty() {
        text.push('\n');
    }
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut group = "";
    for check in checks {
        if check.group != group {
            group = check.group;
            text.push_str(&format!("{BOLD}{group}{BOLD:#}\n"));
        }
        let (mark, colour, said) = match &check.state {
            State::Fine(said) => ("ok", Style::Green, said.clone()),
            State::Unseen(why) => ("??", Style::Cyan, format!("not seen: {why}")),
            State::Found(findings) => {
                let (mark, colour) = mark(findings);
                (mark, colour, headline(findings))
            }
        };
        let style = colour;
        text.push_str(&format!("  {style}{mark}{style:#} {:width$}  {said}\n", check.name));
    }
    format!("{text}\n{}", summary(checks))
}

fn findings(checks: &[Check], verbose: bool) -> String {
    let mut text = String::new();
    let mut findings: Vec<&Finding> = checks.iter().flat_map(Check::findings).collect();
    findings.sort_by_key(|finding| finding.severity);
    for finding in findings {
        if finding.severity == Severity::Note && !verbose {
            let (id, about, detail) = (finding.id, &finding.about, &finding.detail);
            text.push_str(&format!("{BOLD}{}[{id}]{BOLD:#} {about}: {detail}\n", Label::Note));
        } else {
            text.push_str(&diagnostic::text(finding, verbose));
            text.push('\n');
        }
    }
    text
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
