//! A file that a shell has read as a script: what its words say of it.

use super::super::Strength::{Certain, Likely, Possible};
use super::super::script::{Executable, Meaning};
use super::super::words::ErrorName;
use super::Case;
use crate::doctor::catalogue::CauseId;

pub(super) fn judge(case: &mut Case<'_>) {
    let text = case.text;
    for said in &text.script.list {
        let Some(meaning) = said.meaning() else { continue };
        let (cause, strength, weight) = match meaning {
            Meaning::Is(content) if content.strength == Certain => (content.cause, Certain, 20.0),
            Meaning::Is(content) => (content.cause, content.strength, 8.0),
            Meaning::Page => (CauseId::NotABinaryDownload, Likely, 4.0),
            Meaning::Garbage => (CauseId::ShFallbackGarbage, Likely, 3.0),
            Meaning::NoScript { first: true } => (CauseId::ShFallbackGarbage, Likely, 3.0),
            Meaning::NoScript { first: false } => (CauseId::ShFallbackGarbage, Possible, 3.0),
        };
        // More lines of one kind say little more.
        let again = case.scores.get(&cause).is_some_and(|score| score.weight >= weight);
        case.say(cause, strength, if again { weight * 0.1 } else { weight }, &said.line);
    }
    executable(case);
}

/// bash says `FILE: Success` of a file that it may execute and could not: an empty one, or after EACCES one whose loader it may not.
fn executable(case: &mut Case<'_>) {
    let text = case.text;
    for Executable { path, refused, line } in &text.script.executable {
        let error = |name| {
            case.events.iter().any(|event| {
                event.errno.name == name && event.path.as_ref() == Some(path) && event.interpreter.is_none()
            })
        };
        if error(ErrorName::Eacces) {
            case.exclude(&[CauseId::NoExecBit], format!("{line}: the shell has found that the file may be executed"));
            case.say(CauseId::LoaderNotExecutable, Likely, 4.0, line);
        } else if case.events.is_empty() && !refused {
            case.say(CauseId::EmptyOrZeroFile, Likely, 4.0, line);
        }
    }
}
