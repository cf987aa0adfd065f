//! What is wrong with a host: pure functions of its facts.

mod boot;
mod causes;
mod emulators;
mod engines;
mod entries;
mod flags;
mod kernel;
mod order;
mod place;
mod policy;
mod rules;
mod settings;
mod table;
mod writers;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::facts::{HostFacts, Program};
use crate::binfmt::entry::Entry;
use crate::doctor::finding::{Finding, Severity};
use crate::error::Status;
use crate::profile::{NamedRule, Profiles};
use crate::registrar::health::{self, Health, Problem};

/// One question about the host, and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it is about.
    pub group: &'static str,
    /// Its name within the group.
    pub name: &'static str,
    /// The answer.
    pub state: State,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// All is well, and what was seen.
    Fine(String),
    /// Something was found.
    Found(Vec<Finding>),
    /// It could not be looked at, and why.
    Unseen(String),
}

impl State {
    /// The findings, or what is said where there are none.
    fn of(findings: Vec<Finding>, fine: impl FnOnce() -> String) -> State {
        if findings.is_empty() { State::Fine(fine()) } else { State::Found(findings) }
    }
}

impl Check {
    /// What was found.
    pub fn findings(&self) -> &[Finding] {
        match &self.state {
            State::Found(findings) => findings,
            State::Fine(_) | State::Unseen(_) => &[],
        }
    }
}

/// How often each answer was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Findings that are problems.
    pub problems: usize,
    /// Findings that are warnings.
    pub warnings: usize,
    /// Findings that are notes.
    pub notes: usize,
    /// Checks with nothing to say.
    pub fine: usize,
    /// Checks that could not be made.
    pub unseen: usize,
}

/// What the checks start from: the facts, with each entry judged once.
struct Case<'a> {
    facts: &'a HostFacts,
    entries: Vec<Judged<'a>>,
}

/// An entry, and all that is known of it.
struct Judged<'a> {
    entry: &'a Entry,
    health: Health<'a>,
    /// The rule of its profile that it stands for.
    named: Option<&'a NamedRule>,
    program: Option<&'a Program>,
}

impl Judged<'_> {
    /// It is there to run programs of another CPU.
    fn emulates(&self) -> bool {
        self.health.profile.is_some_and(|p| p.is_emulated()) && !rules::is_for_any_machine(&self.entry.rule)
    }

    /// What of this machine's own it matches.
    fn takes(&self) -> Option<&str> {
        self.health.problems.iter().find_map(|problem| match problem {
            Problem::Takes(what) => Some(what.as_str()),
            _ => None,
        })
    }

    /// The interpreter's path as text.
    fn path(&self) -> String {
        self.entry.handler()
    }
}

/// Makes every check.
pub fn checks(facts: &HostFacts, profiles: &Profiles) -> Vec<Check> {
    let case = Case::new(facts, profiles);
    let mut checks = kernel::checks(facts);
    checks.extend(place::checks(facts));
    checks.extend(table::checks(&case));
    if facts.table.get().is_some() {
        checks.extend(entries::checks(&case));
        checks.extend(flags::checks(&case));
        checks.extend(rules::checks(&case, profiles));
        checks.extend(writers::checks(&case));
    }
    checks.extend(boot::checks(&case));
    if facts.table.get().is_some() {
        checks.extend(emulators::checks(&case, profiles));
    }
    checks.extend(settings::checks(&case));
    checks.extend(policy::checks(&case));
    checks.extend(engines::checks(&case, profiles));
    checks
}

impl<'a> Case<'a> {
    fn new(facts: &'a HostFacts, profiles: &'a Profiles) -> Case<'a> {
        let Some(seen) = facts.table.get() else { return Case { facts, entries: Vec::new() } };
        let judge = |entry: &'a Entry| {
            let health = health::of(entry, profiles, &facts.places, seen);
            let takes = |rule: &&NamedRule| rule.probe.as_ref().is_some_and(|p| entry.rule.takes(p, b""));
            let named = health.profile.and_then(|p| p.rules.iter().find(takes).or(p.rules.first()));
            Judged { program: facts.programs.get(&entry.handler()), entry, health, named }
        };
        Case { facts, entries: seen.table.entries.iter().map(judge).collect() }
    }

    /// Entries that the kernel looks at.
    fn enabled(&self) -> impl Iterator<Item = &Judged<'a>> {
        self.entries.iter().filter(|e| e.entry.enabled)
    }

    /// Entries for programs of another CPU.
    fn emulating(&self) -> impl Iterator<Item = &Judged<'a>> {
        self.enabled().filter(|e| e.emulates())
    }
}

impl Count {
    /// Of these checks.
    pub fn of(checks: &[Check]) -> Count {
        let mut count = Count::default();
        for check in checks {
            match &check.state {
                State::Fine(_) => count.fine += 1,
                State::Unseen(_) => count.unseen += 1,
                State::Found(findings) => {
                    for finding in findings {
                        match finding.severity {
                            Severity::Problem => count.problems += 1,
                            Severity::Warning => count.warnings += 1,
                            Severity::Note => count.notes += 1,
                        }
                    }
                }
            }
        }
        count
    }
}

/// The exit status that the checks mean: what cannot be seen counts where it is the table itself.
pub fn status(checks: &[Check]) -> Status {
    let blind = |check: &Check| check.group == table::GROUP && matches!(check.state, State::Unseen(_));
    match Count::of(checks) {
        count if count.problems > 0 => Status::Failed,
        _ if checks.iter().any(blind) => Status::Unknown,
        _ => Status::Done,
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (state, text, findings) = match &self.state {
            State::Fine(text) => ("fine", Some(text), &[][..]),
            State::Found(findings) => ("found", None, &findings[..]),
            State::Unseen(why) => ("unseen", Some(why), &[][..]),
        };
        let mut object = serializer.serialize_struct("Check", 5)?;
        object.serialize_field("group", self.group)?;
        object.serialize_field("name", self.name)?;
        object.serialize_field("state", state)?;
        object.serialize_field("text", &text)?;
        object.serialize_field("findings", findings)?;
        object.end()
    }
}
