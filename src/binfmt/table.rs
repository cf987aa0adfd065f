//! The table below its directory: list, register, enable, remove.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use bstr::BStr;
use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use crate::error::{Doing, Error, Result, Status, is_passing, os_text};
use crate::lock;

/// The kernel prints an entry into one page.
const MAX_TEXT: u64 = 4096;
/// How often an entry is read before it counts as unreadable.
const TRIES: usize = 3;

/// The file that says whether the kernel looks at any entry.
const STATUS: &str = "status";
/// The file through which entries are made.
const REGISTER: &str = "register";

/// A mounted table.
#[derive(Debug, Clone)]
pub struct Table {
    dir: PathBuf,
}

/// What is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// `status`: whether the kernel looks at any entry.
    pub enabled: bool,
    /// The entries, in the order in which the kernel asks them: newest first.
    pub entries: Vec<Entry>,
    /// Entries whose text could not be read or understood.
    pub unreadable: Vec<Unreadable>,
}

/// An entry whose text could not be read or understood: what it matches is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// The entry's name.
    pub entry: String,
    /// Why.
    pub why: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.entry, self.why)
    }
}

impl Listing {
    /// An error where an entry could not be read: it must not be taken for absent.
    ///
    /// # Errors
    /// The first such entry.
    pub fn readable(&self, doing: &str) -> Result<()> {
        readable(&self.unreadable, doing)
    }
}

/// Likewise, of a snapshot's list.
pub(crate) fn readable(unreadable: &[Unreadable], doing: &str) -> Result<()> {
    let Some(Unreadable { entry, why }) = unreadable.first() else { return Ok(()) };
    let why = format!("the entry {entry} cannot be read: {why}");
    Err(Error::unknown(doing, why).help("try again; `rbinfmt status` shows what can be read"))
}

/// A read that failed for the moment is tried again.
fn again<T>(mut read: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    let mut tried = 1;
    loop {
        match read() {
            Err(error) if tried < TRIES && is_passing(&error) => tried += 1,
            result => return result,
        }
    }
}

/// Held while one run works on the table. It is a lock on the table's own file, so that it holds between containers
/// that share nothing but the kernel.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "closing it gives the lock up")] File);

impl Table {
    /// The table mounted on `dir`.
    pub fn at(dir: &Path) -> Self {
        Table { dir: dir.to_owned() }
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Waits until no other run works on the table. The lock is on `register`, which only those can open who may write to
    /// the table: nobody else can keep us waiting.
    ///
    /// # Errors
    /// Where the table may not be written, or another process does not let go of it.
    pub fn lock(&self) -> Result<Lock> {
        let file = self.open_register()?;
        lock::take(&file, &self.dir.join(REGISTER), || {})?;
        Ok(Lock(file))
    }

    /// Reads everything.
    ///
    /// # Errors
    /// A table that cannot be read as a whole: not mounted, or not for us. An entry that cannot be read is in the listing.
    pub fn list(&self) -> Result<Listing> {
        self.read().map_err(|error| error.with_status(Status::Unknown))
    }

    fn read(&self) -> Result<Listing> {
        let path = self.dir.join(STATUS);
        let doing = || format!("reading the table {}", self.dir.display());
        let status = again(|| fs::read(&path)).doing(|| format!("reading {}", path.display()))?;
        let mut listing =
            Listing { enabled: status.starts_with(b"enabled"), entries: Vec::new(), unreadable: Vec::new() };
        for item in fs::read_dir(&self.dir).doing(doing)? {
            let name = item.doing(doing)?.file_name().into_vec();
            if name == REGISTER.as_bytes() || name == STATUS.as_bytes() {
                continue;
            }
            let entry = match again(|| self.text(&name)) {
                Ok(text) => Entry::parse(&name, &text),
                // Somebody removed it since we saw its name.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => Err(os_text(&error)),
            };
            match entry {
                Ok(entry) => listing.entries.push(entry),
                Err(why) => listing.unreadable.push(Unreadable { entry: BStr::new(&name).to_string(), why }),
            }
        }
        Ok(listing)
    }

    /// One entry; `None` where there is none of this name.
    ///
    /// # Errors
    /// Where it is there and cannot be read.
    pub fn entry(&self, name: &[u8]) -> Result<Option<Entry>> {
        let doing = || format!("reading {}", self.path(name).display());
        match again(|| self.text(name)) {
            Ok(text) => Entry::parse(name, &text).map(Some).map_err(|why| Error::unknown(doing(), why)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(doing(), error)),
        }
    }

    fn path(&self, name: &[u8]) -> PathBuf {
        self.dir.join(std::ffi::OsStr::from_bytes(name))
    }

    fn text(&self, name: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut text = Vec::with_capacity(512);
        File::open(self.path(name))?.take(2 * MAX_TEXT).read_to_end(&mut text)?;
        Ok(text)
    }

    /// Opens `register`; one write to it makes one entry.
    ///
    /// # Errors
    /// What open(2) says: usually EACCES, for who is not root, or EROFS.
    pub fn open_register(&self) -> Result<File> {
        let path = self.dir.join(REGISTER);
        OpenOptions::new().write(true).open(&path).doing(|| format!("opening {}", path.display())).map_err(|error| {
            match error.errno().map(Errno::from_raw) {
                Some(Errno::EACCES | Errno::EPERM) => error.help("only root may change the table: run it with sudo"),
                Some(Errno::EROFS) => {
                    error.help("the table is mounted read-only here: a container has to be privileged")
                }
                _ => error,
            }
        })
    }

    /// Whether this process may register entries.
    pub fn is_writable(&self) -> bool {
        nix::unistd::access(&self.dir.join(REGISTER), nix::unistd::AccessFlags::W_OK).is_ok()
    }

    /// Makes the kernel look at an entry again.
    ///
    /// # Errors
    /// What the kernel says: ENOENT where there is no such entry, EACCES for who is not root.
    pub fn enable(&self, name: &[u8]) -> Result<()> {
        self.control(name, b"1", "enabling")
    }

    /// Makes the kernel pass over an entry.
    ///
    /// # Errors
    /// What the kernel says: ENOENT where there is no such entry, EACCES for who is not root.
    pub fn disable(&self, name: &[u8]) -> Result<()> {
        self.control(name, b"0", "disabling")
    }

    /// Takes an entry out of the table.
    ///
    /// # Errors
    /// What the kernel says: ENOENT where there is no such entry, EACCES for who is not root; a name that no entry can
    /// have.
    pub fn remove(&self, name: &[u8]) -> Result<()> {
        // `-1` to status would take everybody's entries.
        if name == STATUS.as_bytes() || name == REGISTER.as_bytes() || name.is_empty() || name.contains(&b'/') {
            return Err(Error::failed(
                "removing an entry",
                format!("{:?} is not the name of an entry", BStr::new(name)),
            ));
        }
        self.control(name, b"-1", "removing")
    }

    /// Makes the kernel look at entries at all.
    ///
    /// # Errors
    /// What the kernel says: EACCES for who is not root.
    pub fn enable_all(&self) -> Result<()> {
        self.control(STATUS.as_bytes(), b"1", "switching on")
    }

    fn control(&self, name: &[u8], text: &[u8], doing: &str) -> Result<()> {
        let path = self.path(name);
        let opened = OpenOptions::new().write(true).open(&path);
        opened.and_then(|mut file| file.write_all(text)).doing(|| format!("{doing} {}", path.display()))
    }
}
