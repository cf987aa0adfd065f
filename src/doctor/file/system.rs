//! Programs of other systems, by what their start files and linkers leave in them.

use super::loader::SYSTEMS;
use crate::doctor::catalogue::CauseId;
use crate::inspect::Inspection;

/// A row of loaders.toml.
pub(super) struct System {
    pub(super) name: &'static str,
    /// The owner of its ABI note.
    pub(super) note: Option<&'static str>,
    /// What PT_INTERP names.
    pub(super) loaders: &'static [&'static str],
    /// GOOS
    pub(super) go: &'static [&'static str],
    /// EI_OSABI
    pub(super) osabi: Option<u8>,
    /// Its kernel is Linux.
    pub(super) linux: bool,
    pub(super) cause: CauseId,
}

/// The system that a file is for, and what says so; `None` for Linux and where nothing does.
pub(super) fn of(elf: &Inspection) -> Option<(&'static System, &'static str)> {
    let by = |is_it: &dyn Fn(&System) -> bool| SYSTEMS.iter().find(|system| is_it(system));
    let note = || by(&|system| system.note.is_some_and(|owner| elf.notes.system.as_ref().is_some_and(|n| n == owner)));
    let loader =
        || by(&|system| elf.loader.as_ref().is_some_and(|name| system.loaders.iter().any(|known| name == known)));
    let go = || by(&|system| elf.go.as_ref().is_some_and(|go| system.go.iter().any(|known| go.system == *known)));
    // Static glibc of Linux writes an OSABI of its own, others none.
    let is_marked = elf.loader.is_none() && elf.notes.kernel.is_none();
    let osabi = || by(&|system| is_marked && system.osabi == Some(elf.osabi));
    None.or_else(|| Some((note()?, "its ABI note")))
        .or_else(|| Some((loader()?, "its loader")))
        .or_else(|| Some((go()?, "Go's build information")))
        .or_else(|| Some((osabi()?, "its EI_OSABI")))
}
