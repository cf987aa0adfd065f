//! The emulators on this machine: used or not, and known to be bad or not.

use std::path::Path;

use super::causes::{Causes, arch_list, listed};
use super::{Case, Check, Judged, State};
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::{Finding, Severity};
use crate::emulators::known_bad::{self, Pair};
use crate::emulators::store::SYSTEM;
use crate::profile::{Profile, Profiles};

const GROUP: &str = "emulators";

/// More than these are named with one word.
const MANY: usize = 6;

pub(super) fn checks(case: &Case, profiles: &Profiles) -> Vec<Check> {
    let mut checks = vec![Check { group: GROUP, name: "use", state: unused(case, profiles) }];
    if case.emulating().next().is_some() {
        checks.push(Check { group: GROUP, name: "versions", state: versions(case) });
    }
    checks
}

/// Emulators that no entry uses.
fn unused(case: &Case, profiles: &Profiles) -> State {
    let Some(facts) = case.facts.table.get() else { return State::Unseen(String::new()) };
    let runs = |profile: &Profile| {
        let rule = profile.rules.first().and_then(|rule| rule.probe.as_ref());
        // A table that is disabled has its own check.
        rule.is_none_or(|program| facts.table.entries.iter().any(|entry| entry.rule.takes(program, b"")))
    };
    // What rbinfmt has fetched itself is of no package.
    let store = case.facts.places.store.as_deref().unwrap_or(Path::new(SYSTEM));
    let idle: Vec<&Profile> = facts
        .emulators
        .iter()
        .filter(|(_, found)| found.problem.is_none() && !found.path.starts_with(store))
        .filter_map(|(name, _)| profiles.named(name))
        .filter(|profile| !facts.native.contains(&profile.name) && !runs(profile))
        .collect();
    if idle.is_empty() {
        let places = case.facts.places.describe();
        let ours = facts.emulators.values().any(|found| found.path.starts_with(store));
        return State::Fine(match (facts.emulators.is_empty(), ours) {
            (true, _) => format!("none in {places}"),
            (false, true) => "every emulator of a package has its entry".into(),
            (false, false) => "every emulator that is here has its entry".into(),
        });
    }
    let labels: Vec<&str> = idle.iter().map(|p| p.label()).collect();
    let first = facts.emulators.get(&idle[0].name).map(|found| found.path.display().to_string()).unwrap_or_default();
    let detail =
        "the emulator is here, but no entry uses it: the package that registers it is another one, or did not run";
    // Where some are in use the others were left out on purpose, as a rule.
    let mut finding = Finding::warning(CauseId::DistroPackageSplit, listed(&labels), detail);
    if case.emulating().next().is_some() {
        finding.severity = Severity::Note;
    }
    let archs =
        if idle.len() > MANY { "all".into() } else { arch_list(labels.iter().map(|l| (*l).to_owned()).collect()) };
    State::Found(vec![finding.evidence(first).with("arch", archs)])
}

fn versions(case: &Case) -> State {
    let mut causes = Causes::default();
    let mut seen: Vec<&str> = Vec::new();
    for entry in case.emulating() {
        let Some(version) = entry.program.and_then(|p| p.version.as_deref()) else { continue };
        let number = version.split(' ').next().unwrap_or(version);
        if !seen.contains(&number) {
            seen.push(number);
        }
        if let Some(pair) = bad(case, entry, number) {
            let detail = format!("this emulator on this kernel is known to fail: {}; use {}", pair.symptom, pair.take);
            let sources = pair.sources.join(" ");
            let evidence = format!("QEMU {number}, Linux {} ({sources})", case.facts.kernel.release);
            causes.add((Severity::Warning, CauseId::QemuSegvLibcBin), entry, detail, Some(evidence));
        }
    }
    for entry in case.emulating() {
        translators(case, entry, &mut causes);
    }
    State::of(causes.findings(), || match seen.is_empty() {
        true => "no version could be read from the emulators".into(),
        false => format!("QEMU {}, not known to fail on this kernel", listed(&seen)),
    })
}

/// The first pair that this emulator and this kernel are; one is enough to take another emulator.
fn bad(case: &Case, entry: &Judged, version: &str) -> Option<&'static Pair> {
    let profile = entry.health.profile?;
    known_bad::warnings(version, &profile.name, &case.facts.kernel).into_iter().next()
}

/// Emulators that are not QEMU's.
fn translators(case: &Case, entry: &Judged, causes: &mut Causes) {
    let name = entry.entry.name.to_string().to_lowercase();
    if name.contains("rosetta") {
        let detail = "Rosetta runs these programs: what works here may fail elsewhere, and the other way round";
        causes.add((Severity::Note, CauseId::RosettaLimits), entry, detail, None);
    }
    if (name.starts_with("fex") || name.starts_with("box")) && case.facts.place.page_size != 4096 {
        let detail = "this emulator wants pages of 4096 bytes";
        causes.add((Severity::Warning, CauseId::FexBox64), entry, detail, None);
    }
}
