//! One at a time: whoever changes the store holds its lock.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::Store;
use crate::error::{Doing, Error, Result};
use crate::progress::Progress;

/// The store is this process's to change until it is dropped. The kernel lets go of it whatever happens.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Store {
    /// Takes the lock, making the store where there is none; waits for another process that has it.
    pub fn lock(&self, progress: &dyn Progress) -> Result<Lock> {
        let help = |error: Error| {
            error.help("the store must be writable: become root, or point RBINFMT_STORE at a directory of yours")
        };
        for directory in [self.root().to_owned(), self.root().join("versions"), self.root().join("tmp")] {
            make_directory(&directory).map_err(help)?;
        }
        let path = self.root().join("lock");
        let doing = || format!("locking {}", path.display());
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).open(&path).doing(doing).map_err(help)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                progress.note(&format!("another rbinfmt is changing {}: waiting for it", self.root().display()));
                file.lock().doing(doing)?;
            }
            Err(TryLockError::Error(error)) => return Err(Error::io(doing(), error)),
        }
        let lock = Lock { _file: file };
        lock.sweep(self.root())?;
        Ok(lock)
    }
}

impl Lock {
    /// A directory in tmp, gone when it is dropped.
    pub(super) fn temporary(&self, root: &Path) -> Result<TempDir> {
        let tmp = root.join("tmp");
        TempDir::new_in(&tmp).doing(|| format!("making a directory in {}", tmp.display()))
    }

    /// Removes what a killed process left.
    fn sweep(&self, root: &Path) -> Result<()> {
        let tmp = root.join("tmp");
        let doing = || format!("sweeping {}", tmp.display());
        for item in fs::read_dir(&tmp).doing(doing)? {
            let path = item.doing(doing)?.path();
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.doing(doing)?;
        }
        Ok(())
    }
}

/// A directory that everybody may read: emulators are run by all users, whatever root's umask is.
fn make_directory(directory: &Path) -> Result<()> {
    let doing = || format!("making the directory {}", directory.display());
    if directory.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(directory).doing(doing)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).doing(doing)
}
