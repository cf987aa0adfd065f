//! A finding as a diagnostic: what is wrong, where, what to do. Styled; `report::out` takes the styles off where nobody
//! sees them.

use super::style::{Style, add_line};
use crate::doctor::finding::{Finding, Severity};

pub(super) const BOLD: Style = Style::Bold;
const BLUE: Style = Style::Blue;

/// The diagnostic of one finding, some lines.
pub fn text(finding: &Finding) -> String {
    let (word, style) = match finding.severity {
        Severity::Problem => ("problem", Style::Red),
        Severity::Warning => ("warning", Style::Yellow),
        Severity::Note => ("note", Style::Green),
    };
    let mut text = String::new();
    let title = finding.title();
    add_line(&mut text, format_args!("{style}{word}[{}]{style:#}{BOLD}: {title}{BOLD:#}", finding.id));
    add_line(&mut text, format_args!("  {BLUE}-->{BLUE:#} {}", finding.about));
    add_line(&mut text, format_args!("   {BLUE}={BLUE:#} {}", finding.detail));
    for seen in &finding.evidence {
        add_line(&mut text, format_args!("   {BLUE}={BLUE:#} {seen}"));
    }
    for fix in finding.fixes() {
        add_line(&mut text, format_args!("{BOLD}help:{BOLD:#} {}", fix.text));
        for command in fix.command.iter().flat_map(|c| c.lines()) {
            add_line(&mut text, format_args!("        {command}"));
        }
    }
    if finding.severity != Severity::Note {
        let also = finding.id.cause().also;
        if !also.is_empty() {
            add_line(&mut text, format_args!("{BOLD}note:{BOLD:#} also seen as: {}", also.join("; ")));
        }
        add_line(&mut text, format_args!("{BOLD}note:{BOLD:#} more: rbinfmt explain {}", finding.id));
    }
    text
}
