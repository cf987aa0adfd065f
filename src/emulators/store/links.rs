//! Paths of emulators that stay the same: `in-use/qemu-ARCH`, links that follow the version in use, and links to them in other
//! directories, under the names that other programs look for in PATH.
//!
//! ```text
//! in-use/qemu-ARCH   made when somebody first asks for such a path
//! links.json         the links in other directories, by which they are removed
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{Lock, Store, sync_directory};
use crate::error::{Doing, Error, Result};
use crate::temporary::make_directories;

const IN_USE: &str = "in-use";
const RECORD: &str = "links.json";

/// What became of links in a directory.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// Those that were made, or removed.
    pub done: Vec<PathBuf>,
    /// Those that are as they were: there already when they were to be made, somebody else's when they were to be removed.
    pub left: Vec<PathBuf>,
}

/// The names by which other programs look for an emulator.
fn names(arch: &str) -> [String; 2] {
    [format!("qemu-{arch}"), format!("qemu-{arch}-static")]
}

impl Store {
    /// A path of the emulator in use for an architecture, which stays the same when another version comes into use.
    ///
    /// # Errors
    /// No emulator is in use for it; the store cannot be written.
    pub fn stable_path(&self, lock: &Lock, arch: &str) -> Result<PathBuf> {
        if self.current(arch)?.is_none() {
            let why = "no emulator for it is in the store";
            let doing = format!("looking for the emulator of {arch} in {}", self.root().display());
            return Err(Error::failed(doing, why).help(format!("`rbinfmt fetch {arch}` brings it")));
        }
        let directory = self.root().join(IN_USE);
        make_directories(&directory, 0o755).doing(|| format!("making {}", directory.display()))?;
        self.follow(lock)?;
        Ok(directory.join(format!("qemu-{arch}")))
    }

    /// Lets the links follow what is in use, where there are any.
    pub(super) fn follow(&self, lock: &Lock) -> Result<()> {
        let directory = self.root().join(IN_USE);
        if !directory.is_dir() {
            return Ok(());
        }
        let doing = || format!("making links in {}", directory.display());
        let new = lock.temporary(self.root())?;
        for (arch, emulator) in self.all_chosen()? {
            let (name, target) = (format!("qemu-{arch}"), format!("../versions/{}/qemu-{arch}", emulator.id));
            if leads_to(&directory.join(&name), Path::new(&target)) {
                continue;
            }
            symlink(&target, new.path().join(&name)).doing(doing)?;
            fs::rename(new.path().join(&name), directory.join(&name)).doing(doing)?;
        }
        sync_directory(&directory)
    }

    /// Makes links to the emulators in use in a directory, all of them or none.
    ///
    /// # Errors
    /// No emulator is in use for one of these architectures; a file of another is there under such a name; the directory or the
    /// store cannot be written.
    pub fn link(&self, lock: &Lock, directory: &Path, archs: &[String]) -> Result<Links> {
        let doing = || format!("making links in {}", directory.display());
        let directory = directory.canonicalize().doing(doing)?;
        let mut links = Links::default();
        let mut wanted = Vec::new();
        for arch in archs {
            let target = self.stable_path(lock, arch)?;
            for path in names(arch).map(|name| directory.join(name)) {
                match path.symlink_metadata() {
                    Err(error) if error.kind() == ErrorKind::NotFound => wanted.push((path, target.clone())),
                    Ok(_) if leads_to(&path, &target) => links.left.push(path),
                    Ok(_) => {
                        let why = format!("{} is there and not a link of rbinfmt's", path.display());
                        return Err(Error::failed(doing(), why).help("name another directory; nothing was changed"));
                    }
                    Err(error) => return Err(Error::io(doing(), error)),
                }
            }
        }
        // Recorded first: a killed run leaves none that nobody knows of.
        let before = self.recorded()?;
        let mut record = before.clone();
        record.extend(wanted.iter().map(|(path, _)| path.clone()));
        self.write(lock, RECORD, &record)?;
        for (path, target) in wanted {
            if let Err(error) = symlink(&target, &path) {
                links.done.iter().for_each(|path| drop(fs::remove_file(path)));
                self.write(lock, RECORD, &before)?;
                return Err(Error::io(doing(), error).help("nothing was changed"));
            }
            links.done.push(path);
        }
        Ok(links)
    }

    /// Removes the links that were made in a directory. What somebody has put in the place of one stays.
    ///
    /// # Errors
    /// A link cannot be removed, or the store not be written.
    pub fn unlink(&self, lock: &Lock, directory: &Path) -> Result<Links> {
        let doing = || format!("removing links from {}", directory.display());
        // It may be gone.
        let directory = directory.canonicalize().or_else(|_| std::path::absolute(directory)).doing(doing)?;
        let mut record = self.recorded()?;
        let mut links = Links::default();
        for path in record.clone().into_iter().filter(|path| path.parent() == Some(&directory)) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let target = self.root().join(IN_USE).join(name.strip_suffix("-static").unwrap_or(name));
            if leads_to(&path, &target) {
                fs::remove_file(&path).doing(doing)?;
                links.done.push(path.clone());
            } else if path.symlink_metadata().is_ok() {
                links.left.push(path.clone());
            }
            record.remove(&path);
        }
        self.write(lock, RECORD, &record)?;
        Ok(links)
    }

    fn recorded(&self) -> Result<BTreeSet<PathBuf>> {
        Ok(self.read(RECORD)?.unwrap_or_default())
    }
}

/// Whether a path is a link with this target.
fn leads_to(path: &Path, target: &Path) -> bool {
    let is: io::Result<PathBuf> = fs::read_link(path);
    is.is_ok_and(|is| is == target)
}
