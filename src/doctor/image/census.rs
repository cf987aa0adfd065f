//! Which CPUs the programs of a tree are for.

use std::collections::BTreeMap;

use bstr::{BString, ByteSlice};
use serde::Serialize;

use crate::elf::{ET_DYN, ET_EXEC, Target};
use crate::exec::tree::Tree;
use crate::profile::{Kind, Profile, Profiles};
use crate::text::to_text;

/// The programs and libraries of one CPU.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ArchCount {
    /// What OCI, or QEMU, calls it.
    pub arch: String,
    /// How many there are.
    pub count: usize,
    /// Some of them.
    pub paths: Vec<String>,
}

/// How many paths are worth telling.
const SHOWN: usize = 3;

/// Machines of code that no CPU of a host runs: BPF, and what has none.
const NO_CPU: [u16; 2] = [0, 247];

/// The profile of a CPU.
pub(super) fn profile_of(target: Target, profiles: &Profiles) -> Option<&Profile> {
    let is_for = |profile: &&Profile| match &profile.kind {
        Kind::Elf { signatures, .. } => {
            signatures.iter().any(|s| (s.class, s.data, s.machine) == (target.class, target.data, target.machine))
        }
        Kind::Other { .. } => false,
    };
    profiles.iter().find(is_for)
}

/// What to call a CPU.
pub(super) fn name_of(target: Target, profiles: &Profiles) -> String {
    profile_of(target, profiles).map_or_else(|| format!("machine {}", target.machine), |p| p.label().to_owned())
}

/// All programs and libraries by CPU, the commonest first. Firmware is for other devices, and directories of a cross
/// compiler's libraries are named after their target: what is there says nothing of the image.
pub(super) fn census(tree: &Tree, profiles: &Profiles) -> Vec<ArchCount> {
    let mut all: BTreeMap<String, ArchCount> = BTreeMap::new();
    let mut names: Vec<(Target, String)> = Vec::new();
    for (path, _, stored) in tree.files(|stored| stored.elf.is_some()) {
        let Some(header) = stored.elf else { continue };
        let is_program = matches!(header.kind, ET_EXEC | ET_DYN) && !NO_CPU.contains(&header.target.machine);
        if !is_program || is_apart(&path) {
            continue;
        }
        let known = names.iter().position(|(target, _)| *target == header.target).unwrap_or_else(|| {
            names.push((header.target, name_of(header.target, profiles)));
            names.len() - 1
        });
        let arch = &names[known].1;
        let count = all.entry(arch.clone()).or_insert_with(|| ArchCount { arch: arch.clone(), ..ArchCount::default() });
        count.count += 1;
        if count.paths.len() < SHOWN {
            count.paths.push(to_text(&path));
        }
    }
    let mut all: Vec<ArchCount> = all.into_values().collect();
    all.sort_by_key(|count| std::cmp::Reverse(count.count));
    all
}

fn is_apart(path: &BString) -> bool {
    const DIRECTORIES: [&[u8]; 5] =
        [b"/lib/firmware/", b"/usr/lib/firmware/", b"/usr/share/qemu/", b"/usr/lib/gcc-cross/", b"/boot/"];
    // /usr/aarch64-linux-gnu/lib
    let cross = |directory: &[u8]| {
        let mut parts = directory.split(|&byte| byte == b'-').skip(1);
        directory.ends_with(b"-elf") || parts.any(|part| part == b"linux") && parts.next().is_some()
    };
    let below_usr = path.strip_prefix(b"/usr/").and_then(|rest| rest.get(..rest.find_byte(b'/')?));
    below_usr.is_some_and(cross) || DIRECTORIES.iter().any(|directory| path.starts_with(directory))
}
