//! The record of what was written, and the writing and taking away that goes by it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::tree::{File, Tree};
use super::{LINES, OWN, OWN_IN_VAR};
use crate::emulators::store::SYSTEM;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::progress::Quiet;

const PATH: &str = "/etc/rbinfmt/enabled.json";
/// A record has a few lines.
const MAX_RECORD: u64 = 1 << 20;
/// All that we ever write.
const FILES: [&str; 8] = [
    Host::CONFIG,
    PATH,
    LINES,
    OWN,
    OWN_IN_VAR,
    "/etc/systemd/system/rbinfmt.service",
    "/etc/systemd/system/multi-user.target.wants/rbinfmt.service",
    "/var/lib/rbinfmt",
];

/// What was written, told by its content, so that what somebody changed since is left alone. It goes before what it
/// describes: it may list too much, never too little.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    schema: u32,
    files: BTreeMap<PathBuf, String>,
    /// What files were that are being written: a run that was killed leaves the one or the other.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    earlier: BTreeMap<PathBuf, String>,
    /// Directories that were made for them ("folders" in records of 0.1).
    #[serde(alias = "folders")]
    directories: BTreeSet<PathBuf>,
    /// Versions of emulators that came with it.
    emulators: BTreeSet<String>,
    /// Versions that were there before, while an `enable` has not ended: what came since is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<BTreeSet<String>>,
}

impl Record {
    /// Whether what is at `path` is what we wrote there.
    fn has(&self, path: &Path, print: &str) -> bool {
        [&self.files, &self.earlier].iter().any(|files| files.get(path).is_some_and(|ours| ours == print))
    }

    /// A file is going to be written where `now` is.
    fn announce(&mut self, file: &File, now: Option<String>) {
        if let Some(now) = now.filter(|now| *now != file.print() && self.has(&file.path, now)) {
            self.earlier.insert(file.path.clone(), now);
        }
        self.files.insert(file.path.clone(), file.print());
    }

    /// Those of the versions in the store that came with us.
    fn ours(&self, there: &BTreeSet<String>) -> BTreeSet<String> {
        let since = self.before.iter().flat_map(|before| there - before);
        self.emulators.iter().cloned().chain(since).collect()
    }

    /// Whether there was no store before.
    fn made_store(&self) -> bool {
        self.directories.contains(Path::new(SYSTEM))
    }

    /// The record of another system is anybody's text.
    ///
    /// # Errors
    /// A file or a directory that we never write.
    fn check(&self) -> Result<(), String> {
        let ours = |path: &&PathBuf| FILES.iter().any(|file| path.as_path() == Path::new(file));
        let of_ours =
            |path: &&PathBuf| FILES.iter().any(|file| Path::new(file).ancestors().skip(1).any(|p| p == **path));
        let files = self.files.keys().chain(self.earlier.keys()).find(|path| !ours(path));
        let strange = files.or_else(|| self.directories.iter().find(|path| !of_ours(path)));
        strange.map_or(Ok(()), |path| Err(format!("it lists {}, which rbinfmt never writes", path.display())))
    }
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
        let Some(bytes) = self.read(PATH, MAX_RECORD)? else { return Ok(None) };
        let doing = || format!("reading {}", self.path_of(PATH));
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| damaged(doing(), error))?;
        record.check().map_err(|why| damaged(doing(), why))?;
        Ok(Some(record))
    }

    fn note(&self, record: &Record) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(record)
            .map_err(|error| Error::failed(format!("writing {}", self.path_of(PATH)), error))?;
        self.sweep(Path::new(PATH))?;
        self.write_text(PATH, &bytes)
    }

    /// Notes which emulators are there, before any are fetched.
    ///
    /// # Errors
    /// Where that cannot be written.
    pub fn begin(&self) -> Result<()> {
        let mut record = self.record()?.unwrap_or_default();
        if record.before.is_none() {
            record.schema = 1;
            record.before = Some(self.versions()?);
            self.make_directory(Path::new(PATH).parent().unwrap_or(Path::new("/")))?;
            // An empty one goes with the rest, whoever made it.
            record.directories.extend(Path::new(PATH).parent().map(Path::to_owned));
            for directory in Path::new(SYSTEM).ancestors() {
                if self.has(directory)? {
                    break;
                }
                record.directories.insert(directory.to_owned());
            }
            self.note(&record)?;
        }
        Ok(())
    }

    /// Ends what [`Tree::begin`] began where it came to nothing: no store was made, no emulator fetched and no file written.
    ///
    /// # Errors
    /// Where the record cannot be read or removed.
    pub fn give_up(&self) -> Result<()> {
        let Some(record) = self.record()? else { return Ok(()) };
        let store = record.made_store() && self.has(SYSTEM)?;
        if record.files.is_empty() && !store && record.ours(&self.versions()?).is_empty() {
            self.remove(Path::new(PATH))?;
            self.remove_directory(Path::new(PATH).parent().unwrap_or(Path::new("/")))?;
        }
        Ok(())
    }

    /// What would be done for these files to be there. An error where one is there that is not ours.
    ///
    /// # Errors
    /// In that case, and where a file cannot be read.
    pub fn compare(&self, files: &[File]) -> Result<Vec<Change>> {
        let record = self.record()?.unwrap_or_default();
        let mut changes = Vec::new();
        for file in files {
            let action = match self.print_of(&file.path)? {
                Some(now) if now == file.print() => Action::Keep,
                Some(now) if !file.shared && !record.has(&file.path, &now) => {
                    let path = self.real(&file.path)?;
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
        let unwanted = record.files.keys().filter(|path| !files.iter().any(|f| f.path == **path));
        let mut changes = Vec::new();
        // The unit's configuration stays when nothing new is said about it.
        for path in unwanted.filter(|path| *path != Path::new(Host::CONFIG)) {
            if self.print_of(path)?.is_some_and(|now| record.has(path, &now)) {
                changes.push(Change { path: path.clone(), action: Action::Remove });
            }
        }
        Ok(changes)
    }

    /// Writes what has to be written.
    ///
    /// # Errors
    /// Where that fails; the same call goes on from there.
    pub fn write(&self, files: &[File]) -> Result<Vec<Change>> {
        self.begin()?;
        let changes = self.compare(files)?;
        let mut record = self.record()?.unwrap_or_default();
        self.forget_unwritten(&mut record, files)?;
        record.emulators = record.ours(&self.versions()?);
        record.before = None;
        for (file, change) in files.iter().zip(&changes) {
            let now = self.print_of(&file.path)?;
            let theirs = file.shared && now.as_ref().is_some_and(|now| !record.has(&file.path, now));
            if theirs {
                record.files.remove(&file.path);
            } else if change.action == Action::Write {
                record.announce(file, now);
            }
            record.directories.extend(self.missing_directories(&file.path)?);
        }
        self.note(&record)?;
        for (file, change) in files.iter().zip(&changes) {
            self.sweep(&file.path)?;
            if change.action == Action::Write {
                self.put(file)?;
            }
        }
        for change in &changes[files.len()..] {
            self.remove(&change.path)?;
            record.files.remove(&change.path);
        }
        if !record.earlier.is_empty() || changes.len() > files.len() {
            record.earlier.clear();
            self.note(&record)?;
        }
        Ok(changes)
    }

    /// What an earlier run announced, did not write, and nobody wants any more.
    fn forget_unwritten(&self, record: &mut Record, files: &[File]) -> Result<()> {
        let unwanted = record.files.keys().filter(|path| !files.iter().any(|file| file.path == **path));
        for path in unwanted.cloned().collect::<Vec<_>>() {
            if self.print_of(&path)?.is_none() {
                record.files.remove(&path);
            }
        }
        Ok(())
    }

    /// Writes one file again that was written before; nothing where it was not, or where somebody changed it.
    ///
    /// # Errors
    /// Where that fails; the same call goes on from there.
    pub fn rewrite(&self, file: &File) -> Result<()> {
        let Some(mut record) = self.record()? else { return Ok(()) };
        let Some(now) = self.print_of(&file.path)? else { return Ok(()) };
        let done = now == file.print() && record.files.get(&file.path) == Some(&now) && record.earlier.is_empty();
        if done || !record.has(&file.path, &now) {
            return Ok(());
        }
        record.announce(file, Some(now));
        self.note(&record)?;
        self.sweep(&file.path)?;
        self.put(file)?;
        record.earlier.remove(&file.path);
        self.note(&record)
    }

    /// What is to be removed of what was written, or is. The record goes last.
    ///
    /// # Errors
    /// Where something stays; the same call goes on from there.
    pub fn unwrite(&self, really: bool) -> Result<Vec<Change>> {
        let own = Path::new(PATH).parent().unwrap_or(Path::new("/"));
        let Some(record) = self.record()? else {
            if really {
                // What a run may have left that was killed before it had its record, or after it had removed it.
                self.sweep(Path::new(PATH))?;
                self.remove_directory(own)?;
            }
            return Ok(Vec::new());
        };
        let mut changes = Vec::new();
        for path in record.files.keys() {
            let action = match self.print_of(path)? {
                None => continue,
                Some(now) if record.has(path, &now) => Action::Remove,
                Some(_) => Action::Leave,
            };
            changes.push(Change { path: path.clone(), action });
        }
        changes.extend(self.emulators(&record)?);
        if really {
            for change in changes.iter().filter(|c| c.action == Action::Remove) {
                if change.path == Path::new(SYSTEM) {
                    self.remove_all(&change.path)?;
                } else {
                    self.remove(&change.path)?;
                }
            }
            for path in record.files.keys() {
                self.sweep(path)?;
            }
            if self.has(SYSTEM)? {
                // Whoever takes the lock sweeps what a killed run left there.
                let store = self.store()?;
                drop(store.lock(&Quiet).map_err(|error| error.naming(store.root(), store.location()))?);
            }
            for directory in record.directories.iter().rev().filter(|directory| *directory != own) {
                self.remove_directory(directory)?;
            }
            self.sweep(Path::new(PATH))?;
            self.remove(Path::new(PATH))?;
            self.remove_directory(own)?;
        }
        Ok(changes)
    }

    /// The store goes where everything in it came with us.
    fn emulators(&self, record: &Record) -> Result<Option<Change>> {
        let there = self.versions()?;
        let ours = record.ours(&there);
        let came = !ours.is_empty() || (record.made_store() && there.is_empty());
        if !came || !self.has(SYSTEM)? {
            return Ok(None);
        }
        let action = if there.is_subset(&ours) { Action::Remove } else { Action::Leave };
        Ok(Some(Change { path: PathBuf::from(SYSTEM), action }))
    }
}

fn damaged(doing: String, why: impl std::fmt::Display) -> Error {
    Error::failed(doing, why).help("remove by hand what it lists and rbinfmt wrote, then the file itself")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_for_what_we_write_and_nothing_else() {
        let of = |path: &str| BTreeMap::from([(PathBuf::from(path), "print".to_owned())]);
        let ours = Record { files: of(LINES), earlier: of(Host::CONFIG), ..Record::default() };
        assert_eq!(ours.check(), Ok(()));
        assert!(ours.has(Path::new(LINES), "print") && ours.has(Path::new(Host::CONFIG), "print"));
        assert!(!ours.has(Path::new(LINES), "another"));
        for strange in [
            Record { files: of("/etc/passwd"), ..Record::default() },
            Record { earlier: of("/etc/passwd"), ..Record::default() },
            Record { directories: BTreeSet::from(["/usr/bin".into()]), ..Record::default() },
        ] {
            assert!(strange.check().is_err(), "{strange:?}");
        }
    }
}
