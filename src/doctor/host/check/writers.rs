//! Whether what runs with root's rights is root's alone: interpreters, emulators, and what rbinfmt reads by itself.

use std::collections::BTreeMap;

use super::causes::{arch_list, listed};
use super::{Case, Check, State, entries};
use crate::binfmt::entry::Flags;
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::{Finding, Severity};
use crate::trust::Writable;

/// What is affected by one file or directory that others may write.
#[derive(Default)]
struct Affected {
    /// Entries that give it root's rights.
    entries: Vec<String>,
    archs: Vec<String>,
}

pub(super) fn checks(case: &Case) -> Vec<Check> {
    let Some(facts) = case.facts.table.get() else { return Vec::new() };
    let mut found: BTreeMap<&str, (&Writable, Affected)> = BTreeMap::new();
    for writable in facts.writable.values().chain(&case.facts.writable) {
        found.entry(&writable.path).or_insert_with(|| (writable, Affected::default()));
    }
    for judged in &case.entries {
        let gives_rights = judged.entry.flags.has(Flags::C) || judged.entry.flags.has(Flags::F);
        let writable = facts.writer_of(judged.entry).filter(|_| gives_rights);
        if let Some((_, affected)) = writable.and_then(|writable| found.get_mut(writable.path.as_str())) {
            affected.entries.push(judged.entry.name.to_string());
            affected.archs.extend(judged.health.profile.map(|profile| profile.label().to_owned()));
        }
    }
    let findings: Vec<Finding> = found.into_values().map(|(writable, affected)| finding(writable, affected)).collect();
    if findings.is_empty() && case.entries.is_empty() {
        return Vec::new();
    }
    let state = State::of(findings, || "what runs with root's rights is root's alone".into());
    vec![Check { group: entries::GROUP, name: "writers", state }]
}

fn finding(writable: &Writable, affected: Affected) -> Finding {
    let names: Vec<&str> = affected.entries.iter().map(String::as_str).collect();
    let detail = match names.is_empty() {
        true => "it is not root's alone: rbinfmt does not use it".to_owned(),
        false => format!("who may write it can make {} run anything as root", listed(&names)),
    };
    let mut finding = Finding::problem(CauseId::EmulatorWritable, &writable.path, detail);
    if names.is_empty() {
        finding.severity = Severity::Warning;
    }
    let finding = finding.evidence(writable.to_string()).with("path", &writable.path);
    if affected.archs.is_empty() { finding } else { finding.with("arch", arch_list(affected.archs)) }
}
