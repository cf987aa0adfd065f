//! Each entry: what it matches, what runs it, and whether that works.

use super::causes::{Causes, listed};
use super::order::order;
use super::{Case, Check, Judged, State};
use crate::binfmt::entry::Flags;
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::{Finding, Severity};
use crate::doctor::host::facts::File;
use crate::probe::{Failure, Outcome};
use crate::registrar::health::Problem;

pub(super) const GROUP: &str = "entries";

pub(super) fn checks(case: &Case) -> Vec<Check> {
    if case.entries.is_empty() {
        return Vec::new();
    }
    let check =
        |name, findings, fine: &dyn Fn() -> String| Check { group: GROUP, name, state: State::of(findings, fine) };
    let mut checks = vec![
        check("own programs", own_programs(case), &|| "no entry matches programs of this machine".into()),
        check("switches", switches(case), &|| "every entry is enabled".into()),
        check("interpreters", interpreters(case), &|| "each is there, for this machine, and can be executed".into()),
        check("order", order(case), &|| "no entry shadows another".into()),
    ];
    if case.emulating().next().is_some() {
        checks.push(Check { group: GROUP, name: "run", state: run(case) });
    }
    checks
}

/// Entries that match what the machine lives on, or would, if they or the table were switched on.
fn own_programs(case: &Case) -> Vec<Finding> {
    let is_on = case.facts.table.get().is_some_and(|facts| facts.table.enabled);
    let finding = |(entry, what): (&Judged, &str)| {
        let (name, seen) = (entry.entry.name.to_string(), format!("it matches {what}"));
        let finding = match () {
            () if !is_on => Finding::problem(
                CauseId::BinfmtNativeHijack,
                &name,
                "it matches programs of this machine: with the table switched on, none of them would start",
            ),
            () if !entry.entry.enabled => Finding::warning(
                CauseId::BinfmtNativeHijack,
                &name,
                "it matches programs of this machine, and must stay disabled",
            ),
            () => Finding::problem(
                CauseId::BinfmtNativeHijack,
                &name,
                "it matches programs of this machine: they fail, or run in its interpreter",
            ),
        };
        finding.evidence(seen).with("entry", name)
    };
    hijackers(case).map(finding).collect()
}

/// Entries that match programs of this machine, enabled or not, and which.
pub(super) fn hijackers<'a>(case: &'a Case) -> impl Iterator<Item = (&'a Judged<'a>, &'a str)> {
    case.entries.iter().filter_map(|entry| Some((entry, entry.takes()?)))
}

fn switches(case: &Case) -> Vec<Finding> {
    let mut causes = Causes::default();
    // One that matches programs of this machine is better left so.
    for entry in case.entries.iter().filter(|e| !e.entry.enabled && e.takes().is_none()) {
        let replaced = entry
            .named
            .and_then(|rule| rule.probe.as_ref())
            .is_some_and(|program| case.facts.table.get().is_some_and(|facts| facts.taker(program).is_some()));
        let severity = if entry.health.counts && !replaced { Severity::Problem } else { Severity::Note };
        let detail = "the entry is there, but it is disabled: the kernel skips it";
        causes.add((severity, CauseId::BinfmtEntryDisabled), entry, detail, None);
    }
    causes.findings()
}

fn interpreters(case: &Case) -> Vec<Finding> {
    let mut causes = Causes::default();
    for entry in case.enabled() {
        if let Some((kind, detail, seen)) = interpreter(case, entry) {
            causes.add(kind, entry, detail, Some(seen));
        }
    }
    causes.findings()
}

/// What is wrong with the program of an entry.
fn interpreter(case: &Case, entry: &Judged) -> Option<((Severity, CauseId), &'static str, String)> {
    use Severity::{Note, Problem, Warning};
    let program = entry.program?;
    let fixed = entry.entry.flags.has(Flags::F);
    let works = entry.health.works == Some(true);
    let path = entry.path();
    let found = |severity, id, detail, seen| Some(((severity, id), detail, seen));
    // Flag F: the kernel has the file open, whatever is at its path today.
    let unless_fixed = if fixed { Note } else { Problem };
    match &program.file {
        File::Missing if fixed => found(
            Note,
            CauseId::BinfmtInterpreterMissing,
            "its interpreter is not on this machine (a container registered the entry, or the file was removed); flag F keeps it open until the entry is removed",
            path,
        ),
        File::Missing => {
            let seen = match &program.link {
                Some(link) => format!("{path} is a symbolic link to {link}, which is not there"),
                None => format!("{path} does not exist"),
            };
            found(
                Problem,
                CauseId::BinfmtInterpreterMissing,
                "the program that should run its files is not there",
                seen,
            )
        }
        File::Unreadable(_) => None,
        File::NotAFile => found(unless_fixed, CauseId::IsADirectory, "the interpreter's path is not a file", path),
        File::NotExecutable => {
            found(unless_fixed, CauseId::NoExecBit, "the interpreter may not be executed: its mode has no x bit", path)
        }
        _ if program.noexec && !fixed => {
            found(Problem, CauseId::NoexecMount, "the interpreter is on a file system mounted noexec", path)
        }
        File::Elf { target, .. } if *target != case.facts.own && !works && entry.health.counts => found(
            if case.facts.probed { Problem } else { Warning },
            CauseId::BinfmtInterpreterForeign,
            "the interpreter is itself a program for another machine",
            format!("{path}: e_machine {}", target.machine),
        ),
        File::Elf { loader: Some(loader), .. } if fixed && entry.emulates() => found(
            Warning,
            CauseId::BinfmtDynamicInterpreter,
            "the emulator is not static: with flag F it is there in every container, but its loader and libraries are not",
            format!("{path} needs {loader}"),
        ),
        File::Other if entry.entry.flags.has(Flags::O) && !works && entry.health.counts => found(
            if case.facts.probed { Problem } else { Warning },
            CauseId::EmulatorFails,
            "the interpreter is not a program: a script is not started for an entry with flag O or C (kernel 5.8 and later)",
            path,
        ),
        File::Elf { .. } | File::Other => None,
    }
}

/// What came of running a program of each architecture.
fn run(case: &Case) -> State {
    if !case.facts.probed {
        return State::Unseen("not tried (--no-verify)".into());
    }
    let mut causes = Causes::default();
    let mut works = Vec::new();
    for entry in case.emulating() {
        let why = entry.health.problems.iter().find_map(|problem| match problem {
            Problem::Fails(why) => Some(why),
            _ => None,
        });
        match why {
            // What is wrong with the interpreter, or with flag P, is said where that is looked at.
            Some(_) if interpreter(case, entry).is_some_and(|((s, _), ..)| s == Severity::Problem) => {}
            Some(why) if super::flags::shifts(entry, why) => {}
            Some(why) => {
                let detail = "a program of its architecture does not run";
                causes.add((Severity::Problem, cause_of(why)), entry, detail, Some(why.to_string()));
            }
            None if entry.health.works == Some(true) => works.extend(entry.health.profile.map(|p| p.label())),
            None => {}
        }
    }
    works.sort_unstable();
    works.dedup();
    State::of(causes.findings(), || match works.is_empty() {
        true => "no architecture".into(),
        false => listed(&works),
    })
}

/// What a probe's failure is a case of. What QEMU says of itself is known by its own words.
fn cause_of(why: &Failure) -> CauseId {
    const SAID: [(&str, CauseId); 6] = [
        ("target signal 11", CauseId::QemuSegvLibcBin),
        ("target signal 6", CauseId::QemuSegvLibcBin),
        ("target signal 4", CauseId::QemuSigill),
        ("Unable to reserve", CauseId::QemuGuestBase),
        ("guest_base", CauseId::QemuGuestBase),
        ("Invalid ELF image", CauseId::QemuInvalidElf),
    ];
    let said = |complaint: &str| SAID.iter().find(|(words, _)| complaint.contains(words)).map(|(_, id)| *id);
    match why {
        Failure::Killed { signal: libc::SIGSEGV | libc::SIGABRT, .. } => CauseId::QemuSegvLibcBin,
        Failure::Killed { signal: libc::SIGILL, .. } => CauseId::QemuSigill,
        Failure::Killed { complaint, .. } | Failure::Ended { complaint, .. } => {
            said(complaint).unwrap_or(CauseId::EmulatorFails)
        }
        Failure::NotStarted(_) | Failure::Shifted => CauseId::EmulatorFails,
    }
}

/// The labels of what runs, for other checks.
pub(super) fn working(case: &Case) -> Vec<String> {
    let facts = case.facts.table.get();
    let ran = |entry: &&Judged| {
        let probes = facts.map(|facts| &facts.probes);
        let outcome = entry.named.and_then(|rule| probes?.get(&rule.entry)).map(|ran| &ran.outcome);
        matches!(outcome, Some(Outcome::Works { .. })) && entry.health.works == Some(true)
    };
    case.emulating().filter(ran).flat_map(|e| e.health.profile).flat_map(|p| p.platforms.first().cloned()).collect()
}
