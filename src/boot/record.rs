//! The record of what was written, and the writing and taking away that goes by it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::tree::{File, Tree};
use crate::emulators::Store;
use crate::emulators::store::{SYSTEM, write_file};
use crate::error::{Doing, Error, Result};

const PATH: &str = "/etc/rbinfmt/enabled.json";

/// What was written, told by its content, so that what somebody changed since is left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    schema: u32,
    files: BTreeMap<PathBuf, String>,
    /// Directories that were made for them ("folders" in records of 0.1).
    #[serde(alias = "folders")]
    directories: BTreeSet<PathBuf>,
    /// Versions of emulators that came with it.
    emulators: BTreeSet<String>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The file.
    pub path: PathBuf,
    /// What became of it.
    pub action: Action,
}

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is written.
    Write,
    /// It is as wanted.
    Keep,
    /// It is removed.
    Remove,
    /// It is not ours any more, and stays.
    Leave,
}

impl Tree {
    fn record(&self) -> Result<Option<Record>> {
        let path = self.real(PATH);
        let doing = || format!("reading {}", path.display());
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
                Error::failed(doing(), error).help("remove by hand what it lists, then the file itself")
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(doing(), error)),
        }
    }

    fn note(&self, record: &Record) -> Result<()> {
        let path = self.real(PATH);
        let bytes = serde_json::to_vec_pretty(record)
            .map_err(|error| Error::failed(format!("writing {}", path.display()), error))?;
        write_file(&path, &bytes, 0o644)
    }

    /// What would be done for these files to be there. An error where one is there that is not ours.
    pub fn compare(&self, files: &[File]) -> Result<Vec<Change>> {
        let record = self.record()?.unwrap_or_default();
        let mut changes = Vec::new();
        for file in files {
            let action = match self.print_of(&file.path)? {
                Some(now) if now == file.print() => Action::Keep,
                Some(now) if !file.shared && record.files.get(&file.path) != Some(&now) => {
                    let path = self.real(&file.path);
                    return Err(Error::failed(
                        format!("writing {}", path.display()),
                        "there is one that rbinfmt did not write, or that was changed since",
                    )
                    .help("move it away; nothing was written"));
                }
                _ => Action::Write,
            };
            changes.push(Change { path: file.path.clone(), action });
        }
        changes.extend(self.obsolete(&record, files)?);
        Ok(changes)
    }

    /// What is ours and is not wanted any more.
    fn obsolete(&self, record: &Record, files: &[File]) -> Result<Vec<Change>> {
        let unwanted = record.files.iter().filter(|(path, _)| !files.iter().any(|f| f.path == **path));
        let mut changes = Vec::new();
        // The unit's configuration stays when nothing new is said about it.
        for (path, print) in unwanted.filter(|(path, _)| *path != Path::new(crate::host::Host::CONFIG)) {
            if self.print_of(path)?.as_ref() == Some(print) {
                changes.push(Change { path: path.clone(), action: Action::Remove });
            }
        }
        Ok(changes)
    }

    /// Writes what has to be written. The record goes first: it may list too much, never too little.
    pub fn write(&self, files: &[File], emulators: &BTreeSet<String>) -> Result<Vec<Change>> {
        let changes = self.compare(files)?;
        let mut record = self.record()?.unwrap_or_default();
        record.schema = 1;
        record.emulators.extend(emulators.iter().cloned());
        let directory = self.real(PATH);
        let directory = directory.parent().unwrap_or(Path::new("/"));
        if !directory.exists() {
            record.directories.extend(self.inside(directory));
        }
        for (file, change) in files.iter().zip(&changes) {
            let theirs = file.shared && {
                let now = self.print_of(&file.path)?;
                now.is_some() && record.files.get(&file.path) != now.as_ref()
            };
            if theirs {
                record.files.remove(&file.path);
            } else if change.action == Action::Write {
                record.files.insert(file.path.clone(), file.print());
            }
        }
        self.make_directory(directory)?;
        self.note(&record)?;
        let before = record.directories.len();
        for (file, change) in files.iter().zip(&changes) {
            if change.action == Action::Write {
                record.directories.extend(self.put(file)?);
            }
        }
        for change in &changes[files.len()..] {
            self.remove(&change.path)?;
            record.files.remove(&change.path);
        }
        if record.directories.len() > before || changes.len() > files.len() {
            self.note(&record)?;
        }
        Ok(changes)
    }

    /// Writes one file again that was written before; nothing where it was not, or where somebody changed it.
    pub fn rewrite(&self, file: &File) -> Result<bool> {
        let Some(mut record) = self.record()? else { return Ok(false) };
        let now = self.print_of(&file.path)?;
        if now.is_none() || record.files.get(&file.path) != now.as_ref() || now == Some(file.print()) {
            return Ok(false);
        }
        self.put(file)?;
        record.files.insert(file.path.clone(), file.print());
        self.note(&record)?;
        Ok(true)
    }

    /// What is to be removed of what was written, or is.
    pub fn unwrite(&self, really: bool) -> Result<Vec<Change>> {
        let Some(record) = self.record()? else { return Ok(Vec::new()) };
        let mut changes = Vec::new();
        for (path, print) in &record.files {
            let action = match self.print_of(path)? {
                None => continue,
                Some(now) if now == *print => Action::Remove,
                Some(_) => Action::Leave,
            };
            changes.push(Change { path: path.clone(), action });
        }
        changes.extend(self.emulators(&record)?);
        if really {
            for change in changes.iter().filter(|c| c.action == Action::Remove) {
                let real = self.real(&change.path);
                if real.is_dir() {
                    fs::remove_dir_all(&real).doing(|| format!("removing {}", real.display()))?;
                } else {
                    self.remove(&change.path)?;
                }
            }
            self.remove(Path::new(PATH))?;
            for directory in record.directories.iter().rev() {
                // One that somebody else uses by now is not empty.
                drop(fs::remove_dir(self.real(directory)));
            }
        }
        Ok(changes)
    }

    /// The store goes where everything in it came with us.
    fn emulators(&self, record: &Record) -> Result<Option<Change>> {
        let path = PathBuf::from(SYSTEM);
        let has = Store::open(self.real(SYSTEM)).versions()?;
        if record.emulators.is_empty() || has.is_empty() {
            return Ok(None);
        }
        let ours = has.iter().all(|version| record.emulators.contains(&version.id));
        Ok(Some(Change { path, action: if ours { Action::Remove } else { Action::Leave } }))
    }
}
