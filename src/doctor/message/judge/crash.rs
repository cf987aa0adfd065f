//! Signals and exit statuses: the program started, and died.

use super::super::Strength::{Likely, Possible};
use super::super::words::{EXITS, Place};
use super::{Case, Score};
use crate::doctor::catalogue::CauseId;

pub(super) fn judge(case: &mut Case<'_>) {
    small_arm(case);
    let proved = case.scores.values().any(|score: &Score| score.strength > Possible);
    if case.events.is_empty() && !proved {
        statuses(case);
    }
}

/// ARMv6: the CPU of the first Raspberry Pi and of the Zero, for which images for "arm" are too new.
fn small_arm(case: &mut Case<'_>) {
    let Some((arch, line)) = &case.text.facts.machine else { return };
    let died = case.places.contains(&Place::Crash) && !case.places.contains(&Place::Qemu);
    if *arch == "arm/v6" && died {
        case.say(CauseId::Armv6VsV7, Likely, 8.0, line);
    }
}

/// Only an exit status and no other word.
fn statuses(case: &mut Case<'_>) {
    for (status, line) in &case.text.exits {
        let here = |wanted: &[Place]| wanted.is_empty() || wanted.iter().any(|place| case.text.places.contains(place));
        let class = EXITS.iter().find(|exit| exit.status == *status && here(exit.context));
        case.weigh(class.map(|exit| exit.causes), Possible, line);
    }
}
