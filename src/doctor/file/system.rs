//! Programs of other systems, by what their start files and linkers leave in them.

use bstr::BString;

use super::loader::SYSTEMS;
use crate::built_in::{List, Text};
use crate::doctor::catalogue::CauseId;
use crate::inspect::{Go, Inspection};

/// A row of loaders.toml.
pub(super) struct System {
    pub(super) name: Text,
    /// The owner of its ABI note.
    pub(super) note: Option<Text>,
    /// What PT_INTERP names.
    pub(super) loaders: List<Text>,
    /// GOOS
    pub(super) go: List<Text>,
    /// EI_OSABI
    pub(super) osabi: Option<u8>,
    /// Its kernel is Linux.
    pub(super) linux: bool,
    pub(super) cause: CauseId,
}

impl System {
    /// The one whose loader has this path.
    pub(super) fn of_loader(path: &[u8]) -> Option<&'static System> {
        SYSTEMS.iter().find(|system| has(&system.loaders, path))
    }
}

fn has(names: &[Text], name: &[u8]) -> bool {
    names.iter().any(|known| known.as_bytes() == name)
}

/// The system that a file is for, and what says so; `None` for Linux and where nothing does.
pub(super) fn of(elf: &Inspection) -> Option<(&'static System, &'static str)> {
    let of_note = |owner: &BString| SYSTEMS.iter().find(|system| has(system.note.as_slice(), owner));
    let of_go = |go: &Go| SYSTEMS.iter().find(|system| has(&system.go, &go.system));
    // Static glibc of Linux writes an OSABI of its own, others none.
    let is_marked = elf.loader.is_none() && elf.notes.kernel.is_none();
    let of_osabi = |osabi: u8| SYSTEMS.iter().find(|system| is_marked && system.osabi == Some(osabi));
    let found = |system: Option<&'static System>, by| Some((system?, by));
    found(elf.notes.system.as_ref().and_then(of_note), "its ABI note")
        .or_else(|| found(elf.loader.as_ref().and_then(|path| System::of_loader(path)), "its loader"))
        .or_else(|| found(elf.go.as_ref().and_then(of_go), "Go's build information"))
        .or_else(|| found(of_osabi(elf.osabi), "its EI_OSABI"))
}
