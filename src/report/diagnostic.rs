//! A finding as a diagnostic: what is wrong, where, what to do. Styled; `report::out` takes the styles off where nobody
//! sees them.

use std::fmt::Write;

use super::style::Style;
use super::wrap::for_terminal;
use crate::doctor::catalogue::{CauseId, Label};
use crate::doctor::finding::{Finding, Fix, Severity};

pub(super) const BOLD: Style = Style::Bold;
const BLUE: Style = Style::Blue;

/// The diagnostic of one finding, some lines: the cause, what to do, and what was seen.
pub fn text(finding: &Finding, verbose: bool) -> String {
    let (label, style) = match finding.severity {
        Severity::Problem => (Label::Problem, Style::Red),
        Severity::Warning => (Label::Warning, Style::Yellow),
        Severity::Note => (Label::Note, Style::Green),
    };
    let mut text = String::new();
    let head = format!("{label}[{}]", finding.id);
    let title = for_terminal(finding.title(), &format!("{head}: "), "  ");
    text.push_str(&mark(&title, &format!("{head}: "), &format!("{style}{head}{style:#}: ")));
    let _ = writeln!(text, "  {BLUE}-->{BLUE:#} {}", finding.about);
    for line in finding.detail.lines() {
        text.push_str(&seen(line));
    }
    fixes(&mut text, &finding.fixes());
    for line in &finding.evidence {
        text.push_str(&seen(line));
    }
    if finding.severity != Severity::Note {
        if verbose {
            also(&mut text, finding.id);
        }
        let _ = writeln!(text, "{BOLD}{}:{BOLD:#} {}: rbinfmt explain {}", Label::Note, Label::More, finding.id);
    }
    text
}

/// What was seen, as a line of a diagnostic.
pub(super) fn seen(line: &str) -> String {
    mark(&for_terminal(line, "   = ", "     "), "   = ", &format!("   {BLUE}={BLUE:#} "))
}

/// What to do.
pub(super) fn fixes(text: &mut String, fixes: &[Fix]) {
    for fix in fixes {
        let label = format!("{}: ", Label::Help);
        text.push_str(&mark(
            &for_terminal(&fix.text, &label, "      "),
            &label,
            &format!("{BOLD}{}:{BOLD:#} ", Label::Help),
        ));
        for line in fix.shown().iter().flat_map(|command| command.lines()) {
            let _ = writeln!(text, "        {line}");
        }
    }
}

fn also(text: &mut String, id: CauseId) {
    let also: Vec<&str> = id.cause().also.iter().map(|seen| seen.as_str()).collect();
    if !also.is_empty() {
        let line = format!("{}: {}", Label::AlsoSeenAs, also.join("; "));
        let label = format!("{}: ", Label::Note);
        text.push_str(&mark(
            &for_terminal(&line, &label, "      "),
            &label,
            &format!("{BOLD}{}:{BOLD:#} ", Label::Note),
        ));
    }
}

/// Styles the start of a text after its lines were filled: escape sequences have a length, and no width.
fn mark(text: &str, plain: &str, styled: &str) -> String {
    text.strip_prefix(plain).map_or_else(|| text.to_owned(), |rest| format!("{styled}{rest}"))
}
