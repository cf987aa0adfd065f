//! SARIF 2.1.0, which code scanning reads: the causes are its rules, the findings its results.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::answer::{Answer, message};
use crate::doctor::catalogue::{CauseId, Form};
use crate::doctor::finding::{Finding, Severity};

/// What a path of a URI can have as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Where something was found.
#[derive(Debug)]
enum Place {
    File(String),
    /// An image, the machine, a message.
    Named(String),
}

/// The document of one run.
#[derive(Debug, Default)]
pub struct Sarif {
    results: Vec<(Place, Finding)>,
}

impl Sarif {
    /// Adds what was found of one target.
    pub fn add(&mut self, answer: &dyn Answer) {
        let place = || match (answer.door(), answer.target()) {
            (Form::File, Some(path)) => Place::File(path),
            (door, target) => Place::Named(target.unwrap_or_else(|| door.to_string())),
        };
        self.results.extend(answer.findings().into_iter().map(|finding| (place(), finding)));
    }

    /// The document.
    pub fn document(&self) -> Value {
        let mut rules: Vec<CauseId> = Vec::new();
        let results: Vec<Value> = self
            .results
            .iter()
            .map(|(place, finding)| {
                let index = rules.iter().position(|id| *id == finding.id).unwrap_or_else(|| {
                    rules.push(finding.id);
                    rules.len() - 1
                });
                result(place, finding, index)
            })
            .collect();
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {
                    "name": "rbinfmt",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules.into_iter().map(rule).collect::<Vec<_>>(),
                }},
                "results": results,
            }],
        })
    }
}

fn rule(id: CauseId) -> Value {
    let cause = id.cause();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    json!({
        "id": id,
        "shortDescription": {"text": cause.title()},
        "fullDescription": {"text": words(cause.explanation())},
        "help": {"text": format!("rbinfmt explain {id}")},
        "properties": {"tags": [cause.group.word()]},
    })
}

fn result(place: &Place, finding: &Finding, rule: usize) -> Value {
    let level = match finding.severity {
        Severity::Problem => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let location = match place {
        Place::File(path) => {
            let uri = utf8_percent_encode(path.strip_prefix("./").unwrap_or(path), PATH).to_string();
            let uri = if uri.starts_with('/') { format!("file://{uri}") } else { uri };
            json!({"physicalLocation": {"artifactLocation": {"uri": uri}}})
        }
        Place::Named(name) => json!({"logicalLocations": [{"fullyQualifiedName": name}]}),
    };
    json!({
        "ruleId": finding.id,
        "ruleIndex": rule,
        "level": level,
        "message": {"text": message(finding)},
        "locations": [location],
    })
}
