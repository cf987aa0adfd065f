//! Emulators on this machine: where they are, and whether one can serve.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::elf::unfit;
use super::store::Store;
use crate::elf::{self, Target};
use crate::error::Result;
use crate::host::Host;
use crate::probe::FileId;
use crate::profile::{Kind, Profile};

/// A file that could be an architecture's emulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Absolute path, as it will be in the table.
    pub path: PathBuf,
    /// Which file that is.
    pub id: FileId,
    /// Why it cannot serve; `None` when it can.
    pub problem: Option<String>,
}

/// Where emulators are looked for: those in use in the store first, then the first directory that has one decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    /// The directories.
    pub directories: Vec<PathBuf>,
    /// The store's root; `None` where only the directories count.
    pub store: Option<PathBuf>,
}

impl Places {
    /// The store and the usual directories.
    pub fn usual(store: Option<&Store>) -> Self {
        let directories = vec![Host::EMULATORS.into(), Host::BIN.into()];
        Places { directories, store: store.map(|s| s.root().to_owned()) }
    }

    /// The directories that the user named and no others.
    pub fn named(directories: &[PathBuf]) -> Self {
        // A relative path in the table would mean another file to every process.
        let absolute = |directory: &PathBuf| std::path::absolute(directory).unwrap_or_else(|_| directory.clone());
        Places { directories: directories.iter().map(absolute).collect(), store: None }
    }

    /// Whether a file is in one of them.
    pub fn contain(&self, path: &Path) -> bool {
        let in_directory =
            path.parent().is_some_and(|directory| self.directories.iter().any(|place| place == directory));
        in_directory || self.store.as_ref().is_some_and(|store| path.starts_with(store))
    }

    /// The emulator of this name ("qemu-aarch64"). A static one in any directory goes before one that cannot serve.
    pub fn find(&self, name: &str, own: Target) -> Option<Found> {
        let files = self
            .directories
            .iter()
            .flat_map(|directory| [directory.join(format!("{name}-static")), directory.join(name)]);
        let mut second_best = None;
        for path in files {
            let Some(found) = Found::at(path, own) else { continue };
            if found.problem.is_none() {
                return Some(found);
            }
            second_best = second_best.or(Some(found));
        }
        second_best
    }

    /// The emulators of these profiles, by the profile's name; `prefix` precedes their file names.
    ///
    /// # Errors
    /// The store's list of what is in use cannot be read. A file that cannot serve is in the result, with the reason.
    pub fn find_all(&self, profiles: &[&Profile], prefix: &str, own: Target) -> Result<BTreeMap<String, Found>> {
        let mut in_use = match &self.store {
            Some(store) if prefix.is_empty() => Store::open(store).all_current()?,
            _ => BTreeMap::new(),
        };
        let mut find = |profile: &&Profile| match &profile.kind {
            Kind::Elf { emulator, .. } => {
                let kept = emulator.strip_prefix("qemu-").and_then(|arch| in_use.remove(arch));
                let kept = kept.and_then(|kept| Found::at(kept.path, own));
                let found = kept.or_else(|| self.find(&format!("{prefix}{emulator}"), own))?;
                Some((profile.name.clone(), found))
            }
            Kind::Other { .. } => None,
        };
        Ok(profiles.iter().filter_map(&mut find).collect())
    }

    /// The directories, for a message.
    pub fn describe(&self) -> String {
        self.directories.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}

impl Found {
    /// The file at `path`, judged; `None` where there is none.
    pub fn at(path: PathBuf, own: Target) -> Option<Found> {
        let file = std::fs::metadata(&path).ok()?;
        Some(Found { id: FileId::of(&file), problem: problem(&path, &file, own), path })
    }
}

/// Why a file cannot be an emulator on a machine whose own programs are for `own`.
fn problem(path: &Path, file: &std::fs::Metadata, own: Target) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    if !file.is_file() {
        return Some("it is not a file".into());
    }
    if file.permissions().mode() & 0o111 == 0 {
        return Some("it may not be executed: its mode has no x bit".into());
    }
    match elf::read(path) {
        Err(why) => Some(why),
        Ok(elf) => unfit(&elf, own),
    }
}
