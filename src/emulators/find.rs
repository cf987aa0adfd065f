//! Emulators on this machine: where they are, and whether one can serve.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::elf::{self, Target};
use crate::host::Host;
use crate::probe::FileId;
use crate::profile::{Kind, Profile};

/// A file that could be an architecture's emulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Absolute path, as it will stand in the table.
    pub path: PathBuf,
    /// Which file that is.
    pub id: FileId,
    /// Why it cannot serve; `None` when it can.
    pub problem: Option<String>,
}

/// Where emulators are looked for: the first folder that has one decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places(pub Vec<PathBuf>);

impl Places {
    /// The folders that the user named and no others, or the usual ones.
    pub fn new(named: &[PathBuf]) -> Self {
        match named {
            [] => Places(vec![Host::EMULATORS.into(), Host::BIN.into()]),
            named => Places(named.to_vec()),
        }
    }

    /// Whether a file lies in one of them.
    pub fn contain(&self, path: &Path) -> bool {
        path.parent().is_some_and(|folder| self.0.iter().any(|place| place == folder))
    }

    /// The emulator of this name ("qemu-aarch64"). A static one in any folder goes before one that cannot serve.
    pub fn find(&self, name: &str, own: Target) -> Option<Found> {
        let files = self.0.iter().flat_map(|folder| [folder.join(format!("{name}-static")), folder.join(name)]);
        let mut second_best = None;
        for path in files {
            let Ok(file) = std::fs::metadata(&path) else { continue };
            let problem = problem(&path, &file, own);
            let serves = problem.is_none();
            let found = Found { id: FileId::of(&file), path, problem };
            if serves {
                return Some(found);
            }
            second_best = second_best.or(Some(found));
        }
        second_best
    }

    /// The emulators of these profiles, by the profile's name; `prefix` stands before their file names.
    pub fn find_all(&self, profiles: &[&Profile], prefix: &str, own: Target) -> BTreeMap<String, Found> {
        let find = |profile: &&Profile| match &profile.kind {
            Kind::Elf { emulator, .. } => {
                let found = self.find(&format!("{prefix}{emulator}"), own)?;
                Some((profile.name.clone(), found))
            }
            Kind::Other { .. } => None,
        };
        profiles.iter().filter_map(find).collect()
    }

    /// The folders, for a message.
    pub fn describe(&self) -> String {
        self.0.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
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
        Ok(elf) if elf.target != own => {
            let machine = elf.target.machine;
            Some(format!(
                "it is itself a program for another machine (e_machine {machine}, this one has {})",
                own.machine
            ))
        }
        Ok(elf) => elf.interpreter.map(|loader| {
            format!("it is not static: it needs {loader}, which containers of another architecture do not have")
        }),
    }
}
