//! The plan of an uninstallation.

use std::collections::BTreeSet;

use bstr::ByteSlice;

use super::install::removal;
use super::{Item, Plan, STAND_IN, Skip, Step, is_ours, is_qemu};
use crate::binfmt::entry::Entry;
use crate::emulators::find::Places;
use crate::profile::{Kind, Profile, Profiles};
use crate::registrar::facts::TableFacts;

/// What an uninstallation asks for.
#[derive(Debug)]
pub struct Uninstall<'a> {
    /// What to remove.
    pub wanted: Vec<Wanted<'a>>,
    /// Remove also what is neither ours nor QEMU's.
    pub force: bool,
    /// The directories that make an entry ours.
    pub places: &'a Places,
    /// Put before the names of entries.
    pub prefix: &'a str,
}

/// What somebody named.
#[derive(Debug)]
pub enum Wanted<'a> {
    /// Everything that is ours.
    All,
    /// An architecture, by any spelling.
    Arch(String, &'a Profile),
    /// Entries by a pattern.
    Glob(glob::Pattern),
    /// One entry.
    Name(String),
}

/// WSL's own entry, which starts Windows programs: never to be removed in passing.
const WSL: &str = "WSLInterop";

/// The plan.
pub fn uninstall(request: &Uninstall, profiles: &Profiles, table: &TableFacts) -> Plan {
    let mut items: Vec<Item> = Vec::new();
    let mut named = BTreeSet::new();
    for wanted in &request.wanted {
        let found: Vec<Item> = table.entries.iter().filter_map(|e| judge(request, wanted, e, profiles)).collect();
        let nothing = found.is_empty() && !matches!(wanted, Wanted::All);
        for item in found {
            if named.insert(item.name.clone()) {
                items.push(item);
            }
        }
        if nothing {
            items.push(not_found(wanted));
        }
    }
    Plan { items }
}

/// What is done to `entry` because of `wanted`; `None` where it is not meant.
fn judge(request: &Uninstall, wanted: &Wanted, entry: &Entry, profiles: &Profiles) -> Option<Item> {
    let name = entry.name.to_str_lossy();
    let ours = is_ours(entry, profiles, request.places)
        || name.starts_with(STAND_IN)
        || is_as_installed(entry, request.prefix, profiles);
    let leave = ours || is_qemu(entry) || request.force;
    let remove = || Some(removal(entry, profiles));
    let instead = |step| Some(Item { step, ..removal(entry, profiles) });
    match wanted {
        Wanted::All => ours.then(remove)?,
        Wanted::Arch(_, profile) => {
            let rules = &profile.rules;
            let named = rules.iter().any(|r| *name == *format!("{}{}", request.prefix, r.entry));
            let same = rules.iter().any(|r| r.rule.same_meaning(&entry.rule)) && (ours || is_qemu(entry));
            (named || same).then(remove)?
        }
        Wanted::Glob(pattern) if !pattern.matches(&name) => None,
        Wanted::Glob(_) if name.starts_with(WSL) => {
            instead(Step::Skip(Skip::NotOurs("it starts Windows programs; name it in full to remove it".into())))
        }
        Wanted::Glob(_) if !leave => instead(Step::Skip(Skip::NotOurs("it is not QEMU's; --force removes it".into()))),
        Wanted::Name(exact) if *exact != *name => None,
        Wanted::Name(_) if !leave => {
            instead(Step::Refuse("it is neither ours nor QEMU's: add --force if you mean it".into()))
        }
        Wanted::Glob(_) | Wanted::Name(_) => remove(),
    }
}

/// Whether it is an entry of an emulator exactly as `install` makes it, wherever the emulator is: nobody else writes these
/// masks, which leave out all that the kernel does not look at.
fn is_as_installed(entry: &Entry, prefix: &str, profiles: &Profiles) -> bool {
    let is_emulated = |profile: &&Profile| matches!(profile.kind, Kind::Elf { .. });
    profiles.of_rule(&entry.rule).filter(is_emulated).is_some_and(|profile| {
        profile.rules.iter().any(|rule| rule.rule == entry.rule && entry.name == format!("{prefix}{}", rule.entry))
    })
}

fn not_found(wanted: &Wanted) -> Item {
    let (text, known) = match wanted {
        Wanted::All => (String::new(), true),
        Wanted::Arch(text, _) => (text.clone(), true),
        Wanted::Glob(pattern) => (pattern.to_string(), true),
        Wanted::Name(name) => (name.clone(), false),
    };
    let step = match known {
        true => Step::Skip(Skip::NotFound),
        // Neither an architecture nor an entry: probably a slip of the pen.
        false => Step::Refuse("there is no such architecture and no such entry".into()),
    };
    Item { profile: text.clone(), label: text.clone(), platforms: Vec::new(), name: text, step }
}
