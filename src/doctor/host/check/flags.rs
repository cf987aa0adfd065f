//! The flags of entries for other CPUs.

use super::causes::Causes;
use super::{Case, Check, Judged, State, entries};
use crate::binfmt::entry::Flags;
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::Severity;
use crate::probe::Failure;
use crate::registrar::health::Problem;

/// QEMU that is started by such a name takes its arguments as flag P passes them.
const EXPECTS_P: &str = "-binfmt-P";

pub(super) fn checks(case: &Case) -> Vec<Check> {
    if case.emulating().next().is_none() {
        return Vec::new();
    }
    let mut causes = Causes::default();
    for entry in case.emulating() {
        fix_binary(entry, &mut causes);
        preserve(case, entry, &mut causes);
        credentials(entry, &mut causes);
    }
    let state =
        State::of(causes.findings(), || "each has what its emulator needs: F, C, and P if it is understood".into());
    vec![Check { group: entries::GROUP, name: "flags", state }]
}

fn fix_binary(entry: &Judged, causes: &mut Causes) {
    // A missing interpreter is the worse fault, and cured in the same way.
    if entry.health.problems.contains(&Problem::NoFixBinary) {
        let detail = "no flag F: the emulator is looked up inside each container or chroot, where it usually is not";
        let seen = format!("{} ({})", entry.path(), entry.entry.flags);
        causes.add((Severity::Warning, CauseId::BinfmtNoFFlag), entry, detail, Some(seen));
    }
}

fn preserve(case: &Case, entry: &Judged, causes: &mut Causes) {
    let has = entry.entry.flags.has(Flags::P);
    let expects = entry.path().ends_with(EXPECTS_P);
    let shifted = entry.health.problems.iter().any(|p| matches!(p, Problem::Fails(why) if shifts(entry, why)));
    let (severity, detail) = match () {
        () if shifted => {
            (Severity::Problem, "flag P and the emulator disagree: programs get their arguments shifted by one")
        }
        () if expects && !has => (
            Severity::Problem,
            "no flag P, but the emulator's name tells it to expect it: arguments are shifted by one",
        ),
        () if entry.health.problems.contains(&Problem::NoArgv0) => (
            Severity::Warning,
            "programs do not get their argv[0]: those that depend on it (busybox) do something else",
        ),
        // Nothing was run, and neither the kernel nor a name tells the emulator.
        () if has && !case.facts.probed && !expects && !case.facts.kernel.tells_preserve_argv0() => (
            Severity::Warning,
            "flag P on a kernel that does not tell the emulator about it: arguments may be shifted by one",
        ),
        () => return,
    };
    let seen = format!("{} ({})", entry.path(), entry.entry.flags);
    causes.add((severity, CauseId::BinfmtArgv0P), entry, detail, Some(seen));
}

fn credentials(entry: &Judged, causes: &mut Causes) {
    if !entry.entry.flags.has(Flags::C) {
        let detail =
            "no flag C: sudo, su and ping fail in its containers. With it set-uid programs count, foreign ones too";
        causes.add((Severity::Note, CauseId::BinfmtSetuidNoC), entry, detail, None);
    }
}

/// Whether a probe failed because of flag P.
pub(super) fn shifts(entry: &Judged, why: &Failure) -> bool {
    *why == Failure::Shifted && (entry.entry.flags.has(Flags::P) || entry.path().ends_with(EXPECTS_P))
}
