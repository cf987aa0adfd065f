//! A finding as a diagnostic: what is wrong, where, what to do. Styled; `report::out` takes the styles off where nobody
//! sees them.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::doctor::finding::{Finding, Severity};

pub(super) const BOLD: Style = Style::new().bold();
const BLUE: Style = AnsiColor::BrightBlue.on_default().bold();

/// The diagnostic of one finding, some lines.
pub fn text(finding: &Finding) -> String {
    let (word, style) = match finding.severity {
        Severity::Problem => ("problem", AnsiColor::BrightRed.on_default().bold()),
        Severity::Warning => ("warning", AnsiColor::BrightYellow.on_default().bold()),
        Severity::Note => ("note", AnsiColor::BrightGreen.on_default().bold()),
    };
    let mut text = String::new();
    let title = finding.title();
    let _ = writeln!(text, "{style}{word}[{}]{style:#}{BOLD}: {title}{BOLD:#}", finding.id);
    let _ = writeln!(text, "  {BLUE}-->{BLUE:#} {}", finding.about);
    for line in finding.detail.lines() {
        let _ = writeln!(text, "   {BLUE}={BLUE:#} {line}");
    }
    for seen in &finding.evidence {
        let _ = writeln!(text, "   {BLUE}={BLUE:#} {seen}");
    }
    for fix in finding.fixes() {
        let _ = writeln!(text, "{BOLD}help:{BOLD:#} {}", fix.text);
        for line in fix.command.iter().flat_map(|c| c.lines()) {
            let _ = writeln!(text, "        {line}");
        }
    }
    if finding.severity != Severity::Note {
        let also = finding.id.cause().also;
        if !also.is_empty() {
            let _ = writeln!(text, "{BOLD}note:{BOLD:#} also seen as: {}", also.join("; "));
        }
        let _ = writeln!(text, "{BOLD}note:{BOLD:#} more: rbinfmt explain {}", finding.id);
    }
    text
}
