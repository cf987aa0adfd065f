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
        mounted(case, event);
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

/// A mount from which nothing may be executed: it is the file's where its directory is the file's, or where the file was asked for.
fn mounted(case: &mut Case<'_>, event: &Event) {
    /// What the kernel shows of itself: they have noexec everywhere.
    const API: [&str; 4] = ["/proc", "/sys", "/dev", "/run"];
    let text = case.text;
    let Some(path) = event.path.as_deref() else { return };
    let relative = path.strip_prefix("./").unwrap_or(path);
    let directory = text.events.directory.as_deref().unwrap_or_default().trim_end_matches('/');
    let absolute = match path.starts_with('/') {
        true => Some(path.to_owned()),
        false => (!directory.is_empty()).then(|| format!("{directory}/{relative}")),
    };
    let asks =
        |command: &String| command.starts_with("findmnt") && command.split(' ').any(|word| [path, "."].contains(&word));
    let asked = text.events.commands.iter().any(asks);
    for mount in &text.facts.noexec {
        let is_in = |directory: &String, path: &str| {
            path.strip_prefix(directory.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
        };
        let is_api =
            mount.directories.iter().any(|at| API.iter().any(|api| at == api || is_in(&(*api).to_owned(), at)));
        match &absolute {
            Some(path) if mount.directories.iter().any(|at| is_in(at, path)) => {
                case.say(CauseId::NoexecMount, Certain, 20.0, &mount.line);
            }
            _ if asked && !is_api => case.say(CauseId::NoexecMount, Certain, 20.0, &mount.line),
            None if !is_api && !mount.line.contains("--tmpfs") => {
                case.say(CauseId::NoexecMount, Possible, 0.3, &mount.line);
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
