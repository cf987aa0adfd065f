//! Findings about entries: the same cause in several entries is told once.

use super::Judged;
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::{Finding, Severity};

/// A list longer than this is cut, with the number of the rest.
const SHOWN: usize = 4;

/// Causes, in the order in which they came up.
#[derive(Debug, Default)]
pub(super) struct Causes {
    causes: Vec<Cause>,
    /// To register again is not a cure.
    not_by_registering: bool,
}

#[derive(Debug)]
struct Cause {
    id: CauseId,
    severity: Severity,
    detail: String,
    entries: Vec<Affected>,
}

#[derive(Debug)]
struct Affected {
    name: String,
    arch: Option<String>,
    path: String,
    seen: Option<String>,
}

impl Causes {
    /// Causes for which `rbinfmt install` is not a cure.
    pub(super) fn not_by_registering() -> Causes {
        Causes { not_by_registering: true, ..Causes::default() }
    }

    /// An entry has it. `detail` is said once for all entries of which it is said, `seen` for each.
    pub(super) fn add(
        &mut self,
        (severity, id): (Severity, CauseId),
        entry: &Judged,
        detail: impl Into<String>,
        seen: Option<String>,
    ) {
        let affected = Affected {
            name: entry.entry.name.to_string(),
            arch: entry.health.profile.filter(|_| !self.not_by_registering).map(|p| p.label().to_owned()),
            path: entry.path(),
            seen,
        };
        let detail = detail.into();
        match self.causes.iter_mut().find(|c| (c.id, c.severity, &c.detail) == (id, severity, &detail)) {
            Some(cause) => cause.entries.push(affected),
            None => self.causes.push(Cause { id, severity, detail, entries: vec![affected] }),
        }
    }

    /// One finding a cause, the worst first.
    pub(super) fn findings(mut self) -> Vec<Finding> {
        self.causes.sort_by_key(|cause| cause.severity);
        self.causes.into_iter().map(Cause::finding).collect()
    }
}

impl Cause {
    fn finding(self) -> Finding {
        let names: Vec<&str> = self.entries.iter().map(|e| e.name.as_str()).collect();
        let mut finding = Finding::problem(self.id, listed(&names), self.detail);
        finding.severity = self.severity;
        let (shown, more) = self.entries.split_at(self.entries.len().min(SHOWN));
        for entry in shown {
            if let Some(seen) = &entry.seen {
                finding = finding.evidence(format!("{}: {seen}", entry.name));
            }
        }
        if more.iter().any(|e| e.seen.is_some()) {
            finding = finding.evidence(format!("and {} more", more.len()));
        }
        if let Some(archs) = self.entries.iter().map(|e| e.arch.clone()).collect::<Option<Vec<String>>>() {
            finding = finding.with("arch", arch_list(archs));
        }
        if let [entry] = &self.entries[..] {
            finding = finding.with("entry", &entry.name).with("path", &entry.path).with("interpreter", &entry.path);
        }
        finding
    }
}

/// Names, the first few and how many more.
pub(super) fn listed(names: &[&str]) -> String {
    let shown = names.len().min(if names.len() > SHOWN + 1 { SHOWN } else { SHOWN + 1 });
    let (shown, more) = names.split_at(shown);
    let text = shown.join(", ");
    if more.is_empty() { text } else { format!("{text} and {} more", more.len()) }
}

/// Architectures as `rbinfmt install` accepts them in one word.
pub(super) fn arch_list(mut archs: Vec<String>) -> String {
    archs.sort();
    archs.dedup();
    archs.join(",")
}
