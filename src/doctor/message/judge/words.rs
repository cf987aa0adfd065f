//! Words that come from one cause, where they come from its place.

use super::super::Strength;
use super::super::words::SIGNS;
use super::Case;

/// By the signs. A hint says nothing of a cause that nothing else speaks for.
pub(super) fn judge(case: &mut Case<'_>) {
    let text = case.text;
    let holding = |at: &usize| SIGNS[*at].holds(&case.places);
    let signs: Vec<usize> = text.signs.keys().copied().filter(holding).collect();
    for strength in [Some(Strength::Certain), Some(Strength::Likely), Some(Strength::Possible), None] {
        for &at in signs.iter().filter(|&&at| SIGNS[at].strength == strength) {
            let cause = SIGNS[at].cause;
            let (strength, weight) = match strength {
                Some(Strength::Certain) => (Strength::Certain, 20.0),
                Some(Strength::Likely) => (Strength::Likely, 3.0),
                Some(Strength::Possible) => (Strength::Possible, 1.0),
                None if case.scores.contains_key(&cause) => (Strength::Possible, 0.35),
                None => continue,
            };
            for (nth, line) in text.signs[&at].iter().enumerate() {
                // More lines of one kind say little more.
                case.say(cause, strength, if nth == 0 { weight } else { weight * 0.1 }, line);
            }
        }
    }
}
