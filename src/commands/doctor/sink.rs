//! Where the forms of the doctor write: in the format that was asked for, immediately or into a report.

use crate::cli::doctor::Format;
use crate::doctor::finding::Finding;
use crate::error::{Error, Result, Status};
use crate::report::answer::{self, Answer};
use crate::report::sarif::Sarif;
use crate::report::{self, Printer};

/// What was written and found.
#[derive(Debug, Default)]
pub(super) struct ReportSink {
    /// How much is printed.
    printer: Printer,
    format: Format,
    /// Where text goes.
    to: Destination,
    /// What was kept for a report.
    pub(super) text: String,
    sarif: Sarif,
    /// All findings, for `--fix`.
    pub(super) findings: Vec<Finding>,
    /// The worst that was found.
    pub(super) status: Option<Status>,
}

/// Where the text of an answer goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Destination {
    /// To standard output.
    #[default]
    Output,
    /// Into a report, which is printed at the end.
    Report,
}

impl ReportSink {
    pub(super) fn new(printer: Printer, format: Format, to: Destination) -> ReportSink {
        ReportSink { printer, format, to, ..ReportSink::default() }
    }

    /// One answer; `status` is what it means to this run.
    pub(super) fn answer(&mut self, answer: &dyn Answer, status: Status) -> Result<()> {
        self.status = Some(self.status.map_or(status, |worst| worse(worst, status)));
        match (self.to, self.format) {
            (Destination::Report, _) => {
                self.text.push_str(answer.text(self.printer.verbose).trim_end());
                self.text.push('\n');
                Ok(())
            }
            (_, Format::Text) if self.printer.quiet => report::out(&answer::line(answer)),
            (_, Format::Text) => report::out(answer.text(self.printer.verbose).trim_end()),
            (_, Format::Json) => report::out(&report::json_line(&answer::json(answer))),
            (_, Format::Github) => match answer::annotations(answer) {
                lines if lines.is_empty() => Ok(()),
                lines => report::out(lines.trim_end()),
            },
            (_, Format::Sarif) => {
                self.sarif.add(answer);
                Ok(())
            }
        }
    }

    /// What can only be written when all is known.
    pub(super) fn end(&self) -> Result<()> {
        if self.format != Format::Sarif {
            return Ok(());
        }
        let document = serde_json::to_string_pretty(&self.sarif.document());
        report::out(&document.map_err(|error| Error::failed("writing SARIF", error))?)
    }
}

/// A problem that was found is worse than something that could not be judged.
fn worse(a: Status, b: Status) -> Status {
    let weight = |s: Status| match s {
        Status::Done => 0,
        Status::Unknown => 1,
        Status::Usage => 2,
        // The last three are no verdicts.
        Status::Failed | Status::NotRun | Status::NotExecutable | Status::NotFound => 3,
    };
    if weight(b) > weight(a) { b } else { a }
}
