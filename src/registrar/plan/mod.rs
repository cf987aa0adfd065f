//! What to do: a pure function of the request, the profiles and the facts.

mod guard;
mod install;
mod remove;
#[cfg(test)]
mod tests;
pub mod ways;

pub use guard::hijacker;
pub use install::{Install, install};
pub use remove::{Uninstall, Wanted, uninstall};

use bstr::{BString, ByteSlice};
use serde::Serialize;

use crate::binfmt::entry::Entry;
use crate::emulators::find::Places;
use crate::profile::Profiles;

/// Names of entries that stand in for a moment while another is replaced; a killed run leaves one behind.
pub const STAND_IN: &str = "rbinfmt-new-";

/// Everything that will be done, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// One item for each entry that the request is about.
    pub items: Vec<Item>,
}

/// What happens to one entry, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// The profile; for the removal of an entry of no profile, the entry's name.
    pub profile: String,
    /// What people call it: "arm64".
    pub label: String,
    /// Its platforms.
    pub platforms: Vec<String>,
    /// The entry's name.
    pub name: String,
    /// What is done.
    pub step: Step,
}

/// What is done to an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// It is there, as wanted.
    Keep,
    /// Register it.
    Add(Change),
    /// Register it, then remove others, which had its name or came before it.
    Replace(Change, #[serde(serialize_with = "names")] Vec<BString>),
    /// It is there, but disabled.
    Enable,
    /// Take it away.
    Remove,
    /// Nothing to do, for a reason that is not a fault.
    Skip(Skip),
    /// Not to be done, for a reason that is a fault.
    Refuse(String),
}

/// Why nothing is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skip {
    /// The kernel runs these files itself.
    Native,
    /// `all` was asked, and this machine has no emulator for it.
    NoEmulator(String),
    /// `all` was asked, and this kernel would refuse the entry.
    Kernel(String),
    /// Its emulator is not here, but would be fetched first.
    ToFetch,
    /// `all` was asked, and somebody else's entry runs them.
    Handled(String),
    /// There is no such entry.
    NotFound,
    /// It is a stand-in, and the entry that should follow it could not be registered.
    StandsIn,
    /// A glob matched it, but it is not for us to remove.
    NotOurs(String),
}

/// An entry to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The entry.
    pub entry: Entry,
    /// Whether flag P is found by trying: it belongs to the emulator and the kernel together.
    pub try_preserve: bool,
}

impl Plan {
    /// Whether it changes the table.
    pub fn changes(&self) -> bool {
        self.items.iter().any(|i| !matches!(i.step, Step::Keep | Step::Skip(_) | Step::Refuse(_)))
    }

    /// The entries that there will be, in a table that has these now.
    pub fn entries(&self, table: &[Entry]) -> Vec<Entry> {
        let of = |item: &Item| match &item.step {
            Step::Add(change) | Step::Replace(change, _) => Some(change.entry.clone()),
            Step::Keep | Step::Enable => table.iter().find(|e| e.name == item.name.as_bytes()).cloned(),
            Step::Remove | Step::Skip(_) | Step::Refuse(_) => None,
        };
        self.items.iter().filter_map(of).collect()
    }

    /// The entries that it registers.
    pub fn changed(&self) -> impl Iterator<Item = (&Item, &Change)> {
        self.items.iter().filter_map(|item| match &item.step {
            Step::Add(change) | Step::Replace(change, _) => Some((item, change)),
            _ => None,
        })
    }
}

/// Whether an entry is ours: by content, since a container keeps no records. Our rules differ from everybody else's in
/// what they leave free, and we look for emulators only in certain directories.
pub fn is_ours(entry: &Entry, profiles: &Profiles, places: &Places) -> bool {
    let Some(path) = entry.interpreter.as_ref().and_then(|i| i.to_path().ok()) else { return false };
    profiles.of_rule(&entry.rule).is_some_and(|profile| match &profile.kind {
        crate::profile::Kind::Elf { .. } => places.contain(path),
        crate::profile::Kind::Other { interpreter, .. } => interpreter == path,
    })
}

/// Whether an entry runs one of QEMU's emulators, whoever made it.
pub fn is_qemu(entry: &Entry) -> bool {
    let program = entry.interpreter.as_ref().and_then(|i| i.rsplit(|&b| b == b'/').next()).unwrap_or_default();
    entry.name.starts_with(b"qemu-") || program.starts_with(b"qemu-") || program.ends_with(b"-binfmt-P")
}

fn names<S: serde::Serializer>(names: &[BString], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(names.iter().map(|n| crate::text::to_text(n)))
}

/// Where a profile's interpreter is, for a message.
fn missing(emulator: &str, places: &Places) -> String {
    format!("there is no {emulator} or {emulator}-static in {}", places.describe())
}
