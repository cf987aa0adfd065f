//! What each entry does on this machine, and what is wrong with it. Pure.

use std::fmt;
use std::path::PathBuf;

use bstr::{BString, ByteSlice};

use crate::binfmt::entry::{Entry, Flags};
use crate::cpu;
use crate::emulators::find::Places;
use crate::probe::{Failure, Outcome};
use crate::profile::{NamedRule, Profile, Profiles};
use crate::registrar::facts::Facts;
use crate::registrar::plan::{is_ours, is_qemu};
use crate::trust::Writable;

/// What is known of an entry.
#[derive(Debug, Clone)]
pub struct Health<'a> {
    /// The profile whose files it matches.
    pub profile: Option<&'a Profile>,
    /// We made it.
    pub ours: bool,
    /// Whether a program of the architecture runs through it; `None` where that was not tried.
    pub works: Option<bool>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// A problem counts for the result: the entry is ours or QEMU's.
    pub counts: bool,
}

/// Something that is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The entry itself is disabled.
    Disabled,
    /// It matches programs that the machine lives on: which, and of disabled entries also what it would match.
    Takes(String),
    /// Another entry, newer, matches its files.
    Shadowed(BString),
    /// Its interpreter, looked up at every execve, is not here.
    Unreadable(PathBuf),
    /// Others than root may write its interpreter, to which its flags give root's rights.
    Writable(Writable),
    /// Its interpreter is looked up at every execve.
    NoFixBinary,
    /// argv\[0\] is lost, though this kernel could tell of it.
    NoArgv0,
    /// A program of the architecture did not run through it, and why.
    Fails(Failure),
    /// Whether a program of the architecture runs through it could not be determined.
    Unclear(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Disabled => f.write_str("it is disabled"),
            Problem::Takes(what) => write!(f, "it matches {what}"),
            Problem::Shadowed(taker) => write!(f, "the newer entry {taker} matches its files first"),
            Problem::Unreadable(path) => write!(f, "its interpreter {} cannot be read here", path.display()),
            Problem::Writable(writable) => write!(f, "others can make it run what they like as root: {writable}"),
            Problem::NoFixBinary => f.write_str("without flag F it works in no container that lacks the emulator"),
            Problem::NoArgv0 => f.write_str("programs do not get their argv[0] (no flag P)"),
            Problem::Fails(why) => why.fmt(f),
            Problem::Unclear(why) => write!(f, "whether it works could not be determined: {why}"),
        }
    }
}

/// Looks at an entry.
pub fn of<'a>(entry: &Entry, profiles: &'a Profiles, places: &Places, facts: &Facts) -> Health<'a> {
    let target = target(entry, profiles);
    let ours = is_ours(entry, profiles, places);
    let mut health = Health {
        profile: target.map(|(profile, _)| profile),
        ours,
        works: None,
        problems: Vec::new(),
        counts: ours || is_qemu(entry),
    };
    let takes = facts.own_match(&entry.rule, profiles).map(Problem::Takes);
    if !entry.enabled {
        health.problems.push(Problem::Disabled);
        health.problems.extend(takes);
        return health;
    }
    interpreter(entry, target.is_some(), facts, &mut health.problems);
    if entry.flags.has(Flags::C) || entry.flags.has(Flags::F) {
        health.problems.extend(facts.writer_of(entry).cloned().map(Problem::Writable));
    }
    health.problems.extend(takes);
    let Some((_, rule)) = target else { return health };
    let Some(program) = &rule.probe else { return health };
    match facts.taker(program) {
        Some(taker) if taker.name != entry.name => {
            health.problems.push(Problem::Shadowed(taker.name.clone()));
        }
        Some(_) => match facts.probes.get(&rule.entry).map(|ran| &ran.outcome) {
            Some(Outcome::Works { argv0 }) => {
                health.works = Some(true);
                if !argv0 && facts.kernel.tells_preserve_argv0() {
                    health.problems.push(Problem::NoArgv0);
                }
            }
            Some(Outcome::Unclear(why)) => health.problems.push(Problem::Unclear(why.clone())),
            Some(Outcome::Fails(why)) => {
                health.works = Some(false);
                health.problems.push(Problem::Fails(why.clone()));
            }
            None => {}
        },
        None => {}
    }
    health
}

/// The profile, and its rule, whose files an entry matches: by the rule, or by the program that it would be given.
fn target<'a>(entry: &Entry, profiles: &'a Profiles) -> Option<(&'a Profile, &'a NamedRule)> {
    let all = || profiles.iter().flat_map(|p| p.rules.iter().map(move |r| (p, r)));
    let taken = |(_, rule): &(&Profile, &NamedRule)| rule.probe.as_ref().is_some_and(|p| entry.rule.takes(p, b""));
    all()
        .find(|(_, rule)| rule.rule.same_meaning(&entry.rule))
        .or_else(|| all().find(|t| taken(t) && entry.name == t.1.entry.as_bytes()))
        .or_else(|| all().find(taken))
}

fn interpreter(entry: &Entry, emulated: bool, facts: &Facts, problems: &mut Vec<Problem>) {
    let Some(path) = entry.interpreter.as_ref().and_then(|i| i.to_path().ok()) else { return };
    if entry.flags.has(Flags::F) {
        return;
    }
    if !facts.guarded.iter().any(|g| g.path.as_os_str() == path.as_os_str()) {
        problems.push(Problem::Unreadable(path.to_owned()));
    } else if emulated && facts.kernel.knows_fix_binary() {
        problems.push(Problem::NoFixBinary);
    }
}

/// The platforms whose programs run here: the machine's own first, then those whose probe ran.
pub fn platforms(profiles: &Profiles, facts: &Facts) -> Vec<String> {
    let runs = profiles.iter().filter(|p| runs(p, facts));
    let (own, other): (Vec<&Profile>, Vec<&Profile>) = runs.partition(|p| facts.is_own(p));
    let mut platforms: Vec<String> = own.iter().flat_map(|p| p.platforms.clone()).collect();
    if platforms.iter().any(|p| p == "linux/amd64") {
        platforms.extend((2..=cpu::x86_64_level().unwrap_or(1)).map(|level| format!("linux/amd64/v{level}")));
    }
    platforms.extend(other.iter().flat_map(|p| p.platforms.clone()));
    platforms
}

/// Whether programs of a profile run here: the kernel's own, or one was tried.
pub fn runs(profile: &Profile, facts: &Facts) -> bool {
    let works = |r: &NamedRule| facts.probes.get(&r.entry).is_some_and(|ran| ran.outcome.works());
    facts.native.contains(&profile.name) || profile.rules.first().is_some_and(works)
}
