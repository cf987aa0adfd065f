//! What the doctor says of a host.

use serde_json::{Value, json};

use crate::doctor::finding::{Finding, Severity};
use crate::doctor::host::check::{Check, Count, State};
use crate::doctor::host::facts::HostFacts;

/// Changes when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// One object.
pub fn json(checks: &[Check], facts: Option<&HostFacts>) -> Value {
    let mut object = json!({"schema": SCHEMA, "target": null, "count": Count::of(checks), "checks": checks});
    if let (Some(facts), Some(fields)) = (facts, object.as_object_mut()) {
        fields.insert("facts".into(), json!(facts));
    }
    object
}

/// A line for each check that is fine, details of the others, and a count.
pub fn text(checks: &[Check], verbose: bool) -> String {
    let mut lines: Vec<String> = Vec::new();
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut group = "";
    for check in checks {
        if check.group != group {
            group = check.group;
            lines.push(group.to_owned());
        }
        let line = |mark: &str, text: &str| format!("  {mark} {:width$}  {text}", check.name).trim_end().to_owned();
        match &check.state {
            State::Fine(text) => lines.push(line("ok", text)),
            State::Unseen(why) => lines.push(line("? ", &format!("not seen: {why}"))),
            State::Found(findings) => {
                let worst = findings.iter().map(|f| f.severity).min();
                lines.push(line(if worst == Some(Severity::Problem) { "X " } else { "! " }, &headline(findings)));
                lines.extend(findings.iter().flat_map(|finding| details(finding, verbose)));
            }
        }
    }
    lines.push(String::new());
    lines.push(summary(&Count::of(checks)));
    lines.join("\n")
}

fn headline(findings: &[Finding]) -> String {
    let names: Vec<&str> = findings.iter().map(|finding| finding.id).collect();
    names.join(", ")
}

fn details(finding: &Finding, verbose: bool) -> Vec<String> {
    let word = match finding.severity {
        Severity::Problem => "problem",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let mut lines = vec![format!("     {word}[{}] {}: {}", finding.id, finding.about, finding.detail)];
    if finding.severity == Severity::Note && !verbose {
        return lines;
    }
    lines.extend(finding.evidence.iter().map(|seen| format!("       {seen}")));
    for fix in finding.fixes() {
        lines.push(format!("       help: {}", fix.text));
        lines.extend(fix.command.map(|command| format!("         {command}")));
    }
    lines
}

/// "2 problems, 1 warning, 14 fine, 3 not seen"; a sentence where all is well.
fn summary(count: &Count) -> String {
    if (count.problems, count.warnings, count.unseen) == (0, 0, 0) {
        let notes = if count.notes == 0 { String::new() } else { format!(" ({})", counted(count.notes, "note")) };
        return format!("All is well with this machine: {} fine{notes}.", counted(count.fine, "check"));
    }
    let mut parts = Vec::new();
    let words = [(count.problems, "problem"), (count.warnings, "warning"), (count.notes, "note")];
    parts.extend(words.iter().filter(|(n, _)| *n > 0).map(|(n, word)| counted(*n, word)));
    parts.push(format!("{} fine", count.fine));
    if count.unseen > 0 {
        parts.push(format!("{} not seen", count.unseen));
    }
    parts.join(", ")
}

fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
