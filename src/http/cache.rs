//! What was fetched, under its hash: taken again without the network, and verified again each time.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Doing, Error, Result};
use crate::http::{Client, Download, Missing};
use crate::progress::Progress;
use crate::temporary::{NEW, make_directories, sweep};
use crate::verify::{Expected, of_open_file};

/// The mode of its directory.
const PRIVATE: u32 = 0o700;

/// The directory of fetched files.
#[derive(Debug, Clone)]
pub struct Cache(PathBuf);

/// Where a file can be fetched.
pub(crate) struct Places<'a> {
    /// The URLs, in the order in which they are asked.
    pub(crate) urls: &'a [String],
    /// What the requests say besides.
    pub(crate) headers: &'a [(&'a str, &'a str)],
}

impl Cache {
    /// In this directory, which is made when something is put there.
    pub fn new(directory: PathBuf) -> Self {
        Cache(directory)
    }

    /// The file that `expected` describes: from the cache, or from the first of the places that has it.
    ///
    /// # Errors
    /// The last place's error where none has it, and the cache's directory that cannot be written.
    pub(crate) fn file(
        &self,
        client: &Client,
        places: &Places,
        expected: &Expected,
        progress: &dyn Progress,
    ) -> Result<PathBuf> {
        if let Some(path) = self.known(expected) {
            return Ok(path);
        }
        self.make()?;
        let path = self.path(expected);
        let partial = path.with_extension("part");
        let mut last = None;
        for (number, url) in places.urls.iter().enumerate() {
            let missing = if number + 1 == places.urls.len() { Missing::AskAgain } else { Missing::Error };
            match client.download(&Download { url, headers: places.headers, missing, expected, progress }, &partial) {
                Ok(()) => {
                    fs::rename(&partial, &path).doing(|| format!("keeping {}", path.display()))?;
                    return Ok(path);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| crate::error::Error::failed("fetching a file", "nobody is known to have it")))
    }

    /// The file that `expected` describes, where it is here already.
    pub fn known(&self, expected: &Expected) -> Option<PathBuf> {
        let path = self.path(expected);
        let file = open(&path)?;
        let size = file.metadata().ok()?.len();
        let came = (size == expected.size).then(|| of_open_file(file, expected.size).ok()).flatten();
        if came == Some(*expected) {
            return Some(path);
        }
        // Damaged: another will be fetched. When it cannot be removed, that fetch says why.
        let _ = fs::remove_file(&path);
        None
    }

    /// Keeps a small document under a name, for later without the network.
    ///
    /// # Errors
    /// The cache's directory cannot be made or written.
    pub fn keep(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.make()?;
        let path = self.0.join(name);
        let doing = || format!("keeping {}", path.display());
        // Not synced: what a power cut leaves is verified like all else, and fetched again.
        let mut new = tempfile::Builder::new().prefix(NEW).tempfile_in(&self.0).doing(doing)?;
        new.write_all(bytes).and_then(|()| new.persist(&path).map_err(|e| e.error)).map(drop).doing(doing)
    }

    /// The document kept under a name.
    pub fn kept(&self, name: &str, limit: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        open(&self.0.join(name))?.take(limit + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= limit).then_some(bytes)
    }

    /// Forgets a file that will not be needed again.
    pub fn forget(&self, expected: &Expected) {
        // What stays is found by gc.
        let _ = fs::remove_file(self.path(expected));
    }

    /// Empties the cache and tells how many bytes that freed.
    ///
    /// # Errors
    /// A file of it cannot be removed.
    pub fn clear(&self) -> Result<u64> {
        let freed = directory_size(&self.0);
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(crate::error::Error::io(format!("emptying {}", self.0.display()), error))
            }
            _ => Ok(freed),
        }
    }

    /// The directory, for its owner alone, whatever the umask is or was.
    fn make(&self) -> Result<()> {
        let doing = || format!("making the directory {}", self.0.display());
        make_directories(&self.0, PRIVATE).doing(doing)?;
        let there = fs::symlink_metadata(&self.0).doing(doing)?;
        let help = format!("remove {}", self.0.display());
        if there.is_symlink() {
            return Err(Error::failed(doing(), "it is a link").help(help));
        }
        if there.uid() != nix::unistd::geteuid().as_raw() {
            return Err(Error::failed(doing(), format!("it belongs to user {}", there.uid())).help(help));
        }
        if there.permissions().mode() & 0o7777 != PRIVATE {
            fs::set_permissions(&self.0, fs::Permissions::from_mode(PRIVATE)).doing(doing)?;
        }
        sweep(&self.0, |name| name.starts_with(NEW))
    }

    fn path(&self, expected: &Expected) -> PathBuf {
        self.0.join(expected.sha256.hex())
    }
}

/// Opens a file that is one: links are not followed.
fn open(path: &Path) -> Option<fs::File> {
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    file.metadata().ok()?.is_file().then_some(file)
}

/// The bytes of the files in a directory.
pub(crate) fn directory_size(directory: &Path) -> u64 {
    let items = fs::read_dir(directory).into_iter().flatten().flatten();
    items.filter_map(|item| item.metadata().ok()).filter(fs::Metadata::is_file).map(|m| m.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_is_not_known_and_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path().to_owned());
        let expected = Expected::of(b"right");
        let path = cache.path(&expected);
        fs::write(&path, b"right").unwrap();
        assert_eq!(cache.known(&expected).as_deref(), Some(&*path));
        for damaged in [&b"wrong"[..], b"rig", b"right or not"] {
            fs::write(&path, damaged).unwrap();
            assert_eq!((cache.known(&expected), path.exists()), (None, false));
        }
    }

    /// Whoever may write there could let root write, read or remove elsewhere.
    #[test]
    fn links_are_not_followed() {
        use std::os::unix::fs::symlink;
        let directory = tempfile::tempdir().unwrap();
        let (outside, inside) = (directory.path().join("outside"), directory.path().join("cache"));
        fs::create_dir(&inside).unwrap();
        fs::write(&outside, b"right").unwrap();
        let (cache, expected) = (Cache::new(inside.clone()), Expected::of(b"right"));
        symlink(&outside, cache.path(&expected)).unwrap();
        assert_eq!(cache.known(&expected), None);
        let link = inside.join("name");
        symlink(&outside, &link).unwrap();
        assert_eq!(cache.kept("name", 100), None);
        cache.keep("name", b"kept").unwrap();
        assert!(link.symlink_metadata().unwrap().is_file());
        assert_eq!(cache.kept("name", 100).as_deref(), Some(&b"kept"[..]));

        let linked = directory.path().join("linked");
        symlink(&inside, &linked).unwrap();
        let error = Cache::new(linked).keep("other", b"kept").unwrap_err();
        assert!(error.to_string().contains("it is a link"), "{error}");
        assert!(!inside.join("other").exists());
        cache.clear().unwrap();
        assert_eq!(fs::read(&outside).unwrap(), b"right");
    }
}
