//! EACCES and EPERM: a right is missing, of the file, of its file system or by a rule.

use super::super::Strength::{Certain, Likely, Possible};
use super::super::event::Event;
use super::super::file_fact::Content;
use super::super::words::ErrorName;
use super::Case;
use super::loader::looked_up_by_env;
use crate::doctor::catalogue::CauseId;

pub(super) fn judge(case: &mut Case<'_>) {
    let events: Vec<&Event> =
        case.events.iter().copied().filter(|event| event.errno.name == ErrorName::Eacces).collect();
    for event in events.into_iter().take(4) {
        looked_up_by_env(case, event);
        if let Some(interpreter) = event.interpreter.as_deref() {
            interpreter_refused(case, event, interpreter);
        }
        let Some(file) = event.path.as_deref().and_then(|path| case.text.facts.of(path)) else { continue };
        let line = file.line.as_str();
        match file.content {
            Content::Directory => case.say(CauseId::IsADirectory, Certain, 30.0, line),
            Content::Mode { executable: false } => case.say(CauseId::NoExecBit, Certain, 30.0, line),
            Content::Mode { executable: true } => {
                case.exclude(
                    &[CauseId::NoExecBit],
                    format!("the file has execute permission ({line}): a rule or its file system refuses it"),
                );
                case.say(CauseId::NoexecMount, Likely, 2.0, line);
                case.say(CauseId::Selinux203Exec, Possible, 1.0, line);
                case.say(CauseId::Fapolicyd, Possible, 0.5, line);
            }
            _ => {}
        }
    }
}

/// `bad interpreter: Permission denied`. What every system has may be executed: it is the script that its file system refuses.
fn interpreter_refused(case: &mut Case<'_>, event: &Event, interpreter: &str) {
    const SYSTEM: [&str; 3] = ["/bin/", "/usr/bin/", "/usr/local/bin/"];
    let of_system = SYSTEM.iter().any(|directory| interpreter.starts_with(directory));
    let cause = if of_system { CauseId::NoexecMount } else { CauseId::NoExecBit };
    case.say(cause, Likely, 3.0, &event.line);
}
