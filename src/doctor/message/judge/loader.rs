//! ENOENT of a file that is there, ELIBBAD: what the file needs to be started is not there, or is of another kind.

use super::super::Strength::{Certain, Likely, Possible};
use super::super::event::Event;
use super::super::file_fact::{Content, FileFact};
use super::super::words::{ErrorName, Place};
use super::Case;
use super::exec::{self, is_script};
use crate::doctor::catalogue::CauseId;

pub(super) fn judge(case: &mut Case<'_>) {
    refused(case);
    let events: Vec<&Event> =
        case.events.iter().copied().filter(|event| event.errno.name == ErrorName::Enoent).collect();
    for event in events.into_iter().take(4) {
        entry(case, event);
        looked_up_by_env(case, event);
        without_libc(case, event);
        if let Some(interpreter) = event.interpreter.as_deref().filter(|path| !path.contains(['\\', '^'])) {
            named(case, event, interpreter);
        }
        let file = event.path.as_deref().and_then(|path| case.text.facts.of(path));
        let loader = || case.text.facts.files.iter().find(|file| file.path.is_none() && file.interpreter.is_some());
        if let Some(file) = file.or_else(loader) {
            described(case, file);
        }
    }
}

/// A program that a loader was told to start. What the text tells of the file says more than the loader.
fn refused(case: &mut Case<'_>) {
    let text = case.text;
    for refused in &text.refused {
        match text.facts.of(&refused.path).filter(|file| !matches!(file.content, Content::Mode { .. })) {
            Some(file) => exec::content(case, file),
            None => case.weigh(Some(refused.refusal.causes), refused.refusal.strength, &refused.line),
        }
    }
}

/// The interpreter that the words quote.
fn named(case: &mut Case<'_>, event: &Event, interpreter: &str) {
    let libc = interpreter.contains("/ld-") || interpreter.contains("/ld.so") || interpreter.contains("linker");
    match (libc, interpreter.ends_with("ld-linux.so.2")) {
        (true, true) => case.say(CauseId::I386LoaderMissing, Certain, 20.0, &event.line),
        (true, false) => case.say(CauseId::MissingElfLoader, Certain, 20.0, &event.line),
        (false, _) => case.say(CauseId::ShebangInterpreterMissing, Certain, 20.0, &event.line),
    }
}

/// What the text tells of the file.
fn described(case: &mut Case<'_>, file: &FileFact) {
    let line = file.line.as_str();
    let userland = case.text.facts.userland.as_ref().map(|(arch, _)| *arch);
    match (file.content, file.interpreter.as_deref()) {
        (Content::Crlf, _) => case.say(CauseId::CrlfShebang, Certain, 30.0, line),
        (Content::Script, Some(interpreter)) if interpreter.starts_with('/') => {
            case.say(CauseId::ShebangInterpreterMissing, Likely, 5.0, line);
        }
        (Content::Elf("386"), _) => case.say(CauseId::I386LoaderMissing, Certain, 30.0, line),
        (Content::Elf("arm64"), _) if userland.is_some_and(|arch| arch.starts_with("arm/")) => {
            case.say(CauseId::Userland32On64Kernel, Certain, 30.0, line);
        }
        (Content::Elf(_) | Content::Unknown, Some(loader)) => {
            let android = loader.starts_with("/system/bin/linker");
            case.say(CauseId::MissingElfLoader, Certain, 30.0, line);
            if android {
                case.notes.push("the loader is Android's: the program is built for Android".into());
            }
        }
        (Content::Elf(_), None) => case.say(CauseId::MissingElfLoader, Likely, 4.0, line),
        (Content::Mode { .. } | Content::Text | Content::Script, _) => {
            // The file is there: it is something that it needs that is not.
            for cause in [CauseId::MissingElfLoader, CauseId::CrlfShebang, CauseId::ShebangInterpreterMissing] {
                if case.scores.get(&cause).is_some_and(|score| score.weight >= 0.3) {
                    case.say(cause, Likely, 0.5, line);
                }
            }
            case.excluded.insert(CauseId::NoSuchFile);
        }
        _ => {}
    }
}

/// An entry without F: its emulator is looked up inside the tree.
fn entry(case: &mut Case<'_>, event: &Event) {
    let flags = case.text.facts.entries.iter().find_map(|entry| Some((entry, entry.flags.as_ref()?)));
    let inside = [Place::Container, Place::Build, Place::Chroot].iter().any(|place| case.text.places.contains(place));
    if let Some((entry, flags)) = flags.filter(|(entry, _)| inside && entry.interpreter.contains("qemu")) {
        let told = format!("the entry of {} has the flags {:?}", entry.interpreter, flags.to_ascii_uppercase());
        match flags.contains('f') {
            false => case.say(CauseId::BinfmtNoFFlag, Certain, 25.0, &told),
            true => case.say(CauseId::BinfmtDynamicInterpreter, Likely, 3.5, &told),
        }
    }
    let shell =
        event.path.as_deref().is_some_and(|path| ["/bin/sh", "/bin/bash", "/usr/bin/env", "/bin/true"].contains(&path));
    if shell && event.platform.is_some() {
        case.say(CauseId::BinfmtNoFFlag, Likely, 2.0, &event.line);
    } else if shell && inside {
        case.say(CauseId::MissingElfLoader, Possible, 0.1, &event.line);
    }
}

/// `#!/usr/bin/env python3 -u`: env looks for a program of all that is after it. A directory of PATH that it may not search makes
/// EACCES of ENOENT.
pub(super) fn looked_up_by_env(case: &mut Case<'_>, event: &Event) {
    let by_env = event.caller.is_some_and(|caller| caller.name == "env");
    let Some(name) = event.path.as_deref().filter(|name| by_env && !name.contains('/')) else { return };
    if name.contains(' ') {
        case.say(CauseId::ShebangEnvArgs, Certain, 20.0, &event.line);
    } else if event.errno.name == ErrorName::Enoent {
        case.say(CauseId::ShebangInterpreterMissing, Likely, 6.0, &event.line);
    }
}

/// A program of a distribution with glibc in an image that has another C library, or none.
fn without_libc(case: &mut Case<'_>, event: &Event) {
    let inside = [Place::Container, Place::Build].iter().any(|place| case.text.places.contains(place));
    let looked = event.errno.exists || event.caller.is_some_and(|caller| caller.exists);
    let script = event.path.as_deref().is_some_and(|path| is_script(path) || path.starts_with("/bin/"));
    if inside && case.text.places.contains(&Place::Alpine) && looked && !script {
        case.say(CauseId::MissingElfLoader, Likely, 1.0, &event.line);
    }
}
