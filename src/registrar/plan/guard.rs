//! Rules that must never be registered: they would break the programs that the machine lives on. Pure.

use std::path::Path;

use crate::binfmt::entry::{Entry, Flags};
use crate::binfmt::rule::Rule;
use crate::profile::Profiles;
use crate::registrar::facts::{Facts, Guarded};

/// Why a rule must not be registered in the place of the entry `name`; `None` when it may. That entry's own interpreter
/// is not needed then.
pub(super) fn danger(rule: &Rule, name: &[u8], profiles: &Profiles, facts: &Facts) -> Option<String> {
    if let Some(what) = facts.own_match(rule, profiles) {
        return Some(format!("the rule would match {what}"));
    }
    let needed = |g: &&Guarded| g.entry.as_ref().is_none_or(|entry| entry != name);
    if let Some(file) = facts.guarded.iter().filter(needed).find(|g| takes(rule, &g.path, &g.head)) {
        return Some(format!("the rule would match {} ({})", file.what, file.path.display()));
    }
    // A rule that looks at other bytes may match some of them all the same.
    let Rule::Magic(magic) = rule else { return None };
    let own = profiles.iter().filter(|p| facts.is_own(p));
    let overlapped = own.into_iter().find(|p| p.ordinary_files().iter().any(|files| files.overlaps(magic)))?;
    Some(format!("the rule would match this machine's own programs ({})", overlapped.label()))
}

/// An entry of the table, enabled or not, that matches the machine's own programs: the table must not be switched on.
pub fn hijacker<'a>(facts: &'a Facts, profiles: &Profiles) -> Option<(&'a Entry, String)> {
    facts.table.entries.iter().find_map(|entry| Some((entry, facts.own_match(&entry.rule, profiles)?)))
}

/// Why an entry must not be registered for its interpreter's sake: with flag C or F root runs what others may have written.
pub(super) fn writer(entry: &Entry, facts: &Facts) -> Option<String> {
    let gives_rights = entry.flags.has(Flags::C) || entry.flags.has(Flags::F);
    let writable = facts.writer_of(entry).filter(|_| gives_rights && facts.identity.euid == 0)?;
    Some(format!("{} is not root's alone, and would run with root's rights: {writable}", entry.handler()))
}

fn takes(rule: &Rule, path: &Path, head: &[u8]) -> bool {
    rule.takes(head, path.as_os_str().as_encoded_bytes())
}
