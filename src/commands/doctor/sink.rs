//! Where the forms of the doctor write: immediately, or into a report.

use crate::doctor::finding::Finding;
use crate::error::{Result, Status};
use crate::report;

/// What was written and found.
#[derive(Debug, Default)]
pub(super) struct ReportSink {
    /// Text is kept for a report instead of printed.
    pub(super) keeps: bool,
    /// What was kept.
    pub(super) text: String,
    /// All findings, for `--fix`.
    pub(super) findings: Vec<Finding>,
    /// The worst that was found.
    pub(super) status: Option<Status>,
}

impl ReportSink {
    /// Some lines of the result.
    pub(super) fn write(&mut self, text: &str) -> Result<()> {
        if self.keeps {
            self.text.push_str(text.trim_end());
            self.text.push('\n');
            return Ok(());
        }
        report::out(text.trim_end())
    }

    /// What came of one thing that was looked at.
    pub(super) fn found(&mut self, findings: impl IntoIterator<Item = Finding>, status: Status) {
        self.findings.extend(findings);
        self.status = Some(self.status.map_or(status, |worst| worse(worst, status)));
    }
}

/// A problem that was found is worse than something that could not be judged.
fn worse(a: Status, b: Status) -> Status {
    let weight = |s: Status| match s {
        Status::Done => 0,
        Status::Unknown => 1,
        Status::Usage => 2,
        Status::Failed => 3,
    };
    if weight(b) > weight(a) { b } else { a }
}
