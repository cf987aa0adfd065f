//! Emulators on this machine: where they are, and whether one can serve.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::elf::unfit;
use super::store::Store;
use crate::beneath;
use crate::elf::{self, Target};
use crate::error::{Error, Result};
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
    /// Whether it gets argv\[0\] as flag P passes it, where the store knows.
    #[serde(skip)]
    pub preserves_argv0: Option<bool>,
}

/// Where emulators are looked for: those in use in the store first, then the first directory that has one decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    /// The directories.
    pub directories: Vec<PathBuf>,
    /// The store's root; `None` where only the directories count.
    pub store: Option<PathBuf>,
    /// The root directory of the system that they belong to, within which its links lead.
    #[serde(skip, default = "own_root")]
    pub root: PathBuf,
}

fn own_root() -> PathBuf {
    "/".into()
}

impl Places {
    /// The store and the usual directories.
    pub fn usual(store: Option<&Store>) -> Self {
        let directories = vec![Host::EMULATORS.into(), Host::BIN.into()];
        Places { directories, store: store.map(|s| s.root().to_owned()), root: own_root() }
    }

    /// The directories that the user named and no others.
    pub fn named(directories: &[PathBuf]) -> Self {
        // A relative path in the table would mean another file to every process.
        let absolute = |directory: &PathBuf| std::path::absolute(directory).unwrap_or_else(|_| directory.clone());
        Places { directories: directories.iter().map(absolute).collect(), store: None, root: own_root() }
    }

    /// Whether a file is in one of them.
    pub fn contain(&self, path: &Path) -> bool {
        let in_directory =
            path.parent().is_some_and(|directory| self.directories.iter().any(|place| place == directory));
        in_directory || self.store.as_ref().is_some_and(|store| path.starts_with(store))
    }

    /// The emulator of this name ("qemu-aarch64"). A static one in any directory goes before one that cannot serve.
    ///
    /// # Errors
    /// As for [`Places::at`].
    pub fn find(&self, name: &str, own: Target) -> Result<Option<Found>> {
        let files = self
            .directories
            .iter()
            .flat_map(|directory| [directory.join(format!("{name}-static")), directory.join(name)]);
        let mut second_best = None;
        for path in files {
            let Some(found) = self.at(path, own)? else { continue };
            if found.problem.is_none() {
                return Ok(Some(found));
            }
            second_best = second_best.or(Some(found));
        }
        Ok(second_best)
    }

    /// The emulators of these profiles, by the profile's name; `prefix` precedes their file names.
    ///
    /// # Errors
    /// The store's list of what is in use cannot be read, and as for [`Places::at`]. A file that cannot serve is in the result,
    /// with the reason.
    pub fn find_all(&self, profiles: &[&Profile], prefix: &str, own: Target) -> Result<BTreeMap<String, Found>> {
        let mut in_use = match &self.store {
            Some(store) if prefix.is_empty() => Store::open(store).all_current()?,
            _ => BTreeMap::new(),
        };
        let mut all = BTreeMap::new();
        for profile in profiles {
            let Kind::Elf { emulator, .. } = &profile.kind else { continue };
            let kept = match emulator.strip_prefix("qemu-").and_then(|arch| in_use.remove(arch)) {
                Some(kept) => {
                    let preserves_argv0 = kept.preserves_argv0;
                    self.at(kept.path, own)?.map(|found| Found { preserves_argv0, ..found })
                }
                None => None,
            };
            let found = match kept {
                Some(kept) => Some(kept),
                None => self.find(&format!("{prefix}{emulator}"), own)?,
            };
            all.extend(found.map(|found| (profile.name.clone(), found)));
        }
        Ok(all)
    }

    /// The file at `path`, judged; `None` where there is none, or none that we, not being root, may see.
    ///
    /// # Errors
    /// What stat(2) says otherwise: the file may well be there.
    pub fn at(&self, path: PathBuf, own: Target) -> Result<Option<Found>> {
        let real = match path.strip_prefix(&self.root) {
            Ok(inner) if self.root != Path::new("/") => beneath::real(&self.root, inner),
            _ => Ok(path.clone()),
        };
        match real.and_then(|real| std::fs::metadata(&real).map(|file| (file, real))) {
            Ok((file, real)) => {
                let problem = problem(&real, &file, own);
                Ok(Some(Found { id: FileId::of(&file), problem, path, preserves_argv0: None }))
            }
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Error::io(format!("looking for the emulator {}", path.display()), error)),
        }
    }

    /// The directories, for a message.
    pub fn describe(&self) -> String {
        self.directories.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}

/// Root sees everything: what is denied to it may well be there.
fn is_absent(error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::PermissionDenied => !nix::unistd::geteuid().is_root(),
        kind => matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_there_is_absent() {
        let directory = tempfile::tempdir().unwrap();
        let own = elf::read(Path::new("/proc/self/exe")).unwrap().target;
        let places = Places { directories: vec![directory.path().into()], store: None, root: own_root() };
        assert_eq!(places.find("qemu-arm", own).unwrap(), None);
        // ELOOP: nobody knows what is there.
        std::os::unix::fs::symlink("qemu-arm", directory.path().join("qemu-arm")).unwrap();
        assert!(places.find("qemu-arm", own).is_err());
    }
}
