//! EACCES and EPERM: a right is missing, of the file, of its file system or by a rule.

use super::super::Strength::{Certain, Likely, Possible};
use super::super::event::Event;
use super::super::file_fact::Content;
use super::Case;

pub(super) fn judge(case: &mut Case<'_>) {
    let events: Vec<&Event> = case.events.iter().copied().filter(|event| event.errno.name == "EACCES").collect();
    for event in events.into_iter().take(4) {
        let Some(file) = event.path.as_deref().and_then(|path| case.text.facts.of(path)) else { continue };
        let line = file.line.as_str();
        match file.content {
            Content::Directory => case.say("is-a-directory", Certain, 30.0, line),
            Content::Mode { executable: false } => case.say("no-exec-bit", Certain, 30.0, line),
            Content::Mode { executable: true } => {
                case.exclude(
                    &["no-exec-bit"],
                    format!("the file has execute permission ({line}): a rule or its file system refuses it"),
                );
                case.say("noexec-mount", Likely, 2.0, line);
                case.say("selinux-203-exec", Possible, 1.0, line);
                case.say("fapolicyd", Possible, 0.5, line);
            }
            _ => {}
        }
    }
}
