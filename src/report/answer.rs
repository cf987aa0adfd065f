//! What the doctor answers, whatever it was asked about: one shape for a file, an image, the machine and a message.
//! docs/json.md describes it.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::doctor::catalogue::{Form, Label};
use crate::doctor::finding::{Finding, Severity};
use crate::error::Status;

/// Changes when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// What came of one thing that was asked about.
pub trait Answer {
    /// What was asked about.
    fn door(&self) -> Form;
    /// Its name; the machine itself has none.
    fn target(&self) -> Option<String>;
    /// The exit status that it means.
    fn status(&self) -> Status;
    /// All that was found, the worst first; of that, what must be fixed first.
    fn findings(&self) -> Vec<Finding>;
    /// One line where nothing was found.
    fn fine(&self) -> String;
    /// For people.
    fn text(&self, verbose: bool) -> String;
    /// What only this kind of answer has, as the fields of an object.
    fn details(&self) -> Value;
}

/// One object.
pub fn json(answer: &dyn Answer) -> Value {
    let mut object = json!({
        "schema": SCHEMA,
        "door": answer.door(),
        "target": answer.target(),
        "status": answer.status() as u8,
        "findings": answer.findings(),
    });
    if let (Some(fields), Value::Object(details)) = (object.as_object_mut(), answer.details()) {
        fields.extend(details);
    }
    object
}

/// One line: the first cause, how sure it is, and what it is about.
pub fn line(answer: &dyn Answer) -> String {
    let about = answer.target().map_or(String::new(), |target| format!("{target}: "));
    let findings = answer.findings();
    match findings.iter().find(|finding| finding.severity != Severity::Note) {
        Some(finding) => {
            format!("{about}{}[{}]: {}", strength(finding), finding.id, finding.title())
        }
        None => format!("{about}{}", answer.fine()),
    }
}

fn strength(finding: &Finding) -> Label {
    finding.strength.label()
}

/// The annotations of GitHub's workflow commands, a line for each finding.
pub fn annotations(answer: &dyn Answer) -> String {
    let mut text = String::new();
    for finding in answer.findings() {
        let command = match finding.severity {
            Severity::Problem => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let file = match (answer.door(), answer.target()) {
            (Form::File, Some(target)) => format!("file={},", property(&target)),
            _ => String::new(),
        };
        let title = property(&format!("{} [{}]", finding.title(), finding.id));
        let _ = writeln!(text, "::{command} {file}title={title}::{}", data(&message(&finding)));
    }
    text
}

/// A finding as plain text: the case, and what to do.
pub(super) fn message(finding: &Finding) -> String {
    let mut text = format!("{}: {}", finding.about, finding.detail);
    for fix in finding.fixes() {
        let _ = write!(text, "\n{}: {}", Label::Help, fix.text);
        if let Some(command) = fix.shown() {
            let _ = write!(text, "\n    {command}");
        }
    }
    text
}

/// A message of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property, which ends at a comma or a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_property_is_escaped() {
        assert_eq!(property("a:b,c%\r\n"), "a%3Ab%2Cc%25%0D%0A");
        assert_eq!(data("100 %: a,\n"), "100 %25: a,%0A");
    }
}
