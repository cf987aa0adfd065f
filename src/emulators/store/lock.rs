//! One at a time: whoever changes the store holds its lock.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use tempfile::TempDir;

use super::Store;
use crate::error::{Doing, Error, Result};
use crate::lock;
use crate::progress::Progress;
use crate::temporary::{NEW, make_directories, sweep};
use crate::trust::Trust;

/// The store is this process's to change until it is dropped. The kernel lets go of it whatever happens.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Store {
    /// Takes the lock, making the store where there is none; waits for another process that has it.
    ///
    /// # Errors
    /// A store that cannot be made or written; a lock that is not free within two minutes.
    pub fn lock(&self, progress: &dyn Progress) -> Result<Lock> {
        let help = |error: Error| {
            error.help("the store must be writable: become root, or point RBINFMT_STORE at a directory of yours")
        };
        for directory in [self.root().to_owned(), self.root().join("versions"), self.root().join("tmp")] {
            make_directory(&directory).map_err(help)?;
        }
        if let Some(writable) = Trust::of_process().writable(self.location()) {
            return Err(writable.error(format!("changing the store {}", self.location().display())));
        }
        let path = self.root().join("lock");
        let doing = || format!("locking {}", path.display());
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK);
        let file = options.open(&path).doing(doing).map_err(help)?;
        // Whoever may open it may hold it: that is nobody else, whatever the umask was.
        file.set_permissions(fs::Permissions::from_mode(0o600)).doing(doing).map_err(help)?;
        lock::take(&file, &path, || {
            progress.note(&format!("another rbinfmt is changing {}: waiting for it", self.location().display()));
        })?;
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

    /// Removes what a killed process left: all that is in tmp, and files that were still being written.
    fn sweep(&self, root: &Path) -> Result<()> {
        sweep(&root.join("tmp"), |_| true)?;
        sweep(root, |name| name.starts_with(NEW))?;
        let versions = root.join("versions");
        let doing = || format!("sweeping {}", versions.display());
        for item in fs::read_dir(&versions).doing(doing)? {
            let item = item.doing(doing)?;
            if item.file_type().doing(doing)?.is_dir() {
                sweep(&item.path(), |name| name.starts_with(NEW))?;
            }
        }
        Ok(())
    }
}

/// A directory that everybody may read: emulators are run by all users, whatever root's umask is.
fn make_directory(directory: &Path) -> Result<()> {
    let doing = || format!("making the directory {}", directory.display());
    match directory.symlink_metadata() {
        Ok(there) if there.is_dir() => return Ok(()),
        // The store's own root may be elsewhere; a link within it would be emptied and written through.
        Ok(there) if there.is_symlink() && directory.file_name().is_some_and(|n| n == "tmp" || n == "versions") => {
            return Err(Error::failed(doing(), "it is a link").help("remove the link; the store makes its directories"));
        }
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::io(doing(), error)),
        _ => {}
    }
    make_directories(directory, 0o755).doing(doing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Quiet;
    use crate::time::Timestamp;

    #[test]
    fn the_newest_date_of_a_suite_is_remembered() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path());
        let lock = store.lock(&Quiet).unwrap();
        let date = |second| Timestamp::from_second(second).unwrap();
        for (seen, newest) in [(5, 5), (9, 9), (7, 9)] {
            store.note_seen(&lock, "x", date(seen)).unwrap();
            assert_eq!(store.seen("x").unwrap(), Some(date(newest)));
        }
    }
}
