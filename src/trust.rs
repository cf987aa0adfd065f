//! Who else may write: a file to which flag C or F gives root's rights has to be root's alone, and so has every directory on
//! the way to it, since whoever may write a directory may put another file in its place.
//!
//! The way is walked from descriptor to descriptor, from the root down: where everything above is root's, nobody else can
//! lead the kernel to another file between the check and the registration.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, Stat, StatVfsMountFlags, fstat, fstatvfs, open, openat, readlinkat};
use serde::{Deserialize, Serialize};

use crate::error::{Doing, Error, Result};
use crate::proc::{self, Namespace};
use crate::text::{quoted, to_text};

/// As many links as the kernel follows (MAXSYMLINKS).
const MOST_LINKS: usize = 40;

const STICKY: u32 = 0o1000;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// A file, or a directory on the way to it, that somebody else may write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writable {
    /// Which.
    pub path: String,
    /// By whom.
    pub by: Writer,
}

/// Who may write something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Writer {
    /// Its owner, by number.
    Owner(u32),
    /// Its group, by number.
    Group(u32),
    /// Everybody.
    Everybody,
}

impl fmt::Display for Writable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.by {
            Writer::Owner(user) => write!(f, "{} belongs to user {user}", self.path),
            Writer::Group(group) => write!(f, "{} can be written by group {group}", self.path),
            Writer::Everybody => write!(f, "{} can be written by everybody", self.path),
        }
    }
}

impl Writable {
    /// The error of a run that would have used it.
    pub fn error(&self, doing: impl fmt::Display) -> Error {
        let path = quoted(&self.path);
        Error::failed(doing, self).help(format!("`chown root:root {path}; chmod go-w {path}`, or use another place"))
    }
}

/// Whose files are trusted, and where paths begin.
#[derive(Debug, Clone)]
pub struct Trust {
    owners: Vec<u32>,
    /// A group that has no other members: a user's own.
    group: Option<u32>,
    root: PathBuf,
}

/// A file that only trusted users can change or replace, open.
#[derive(Debug)]
pub struct Trusted {
    file: File,
    path: PathBuf,
}

impl Trust {
    /// Root's files, below this directory, whose own surroundings do not count.
    pub fn of_root(root: &Path) -> Trust {
        let mut owners = vec![0];
        // Where a user namespace does not map the machine's root, its files belong to this number, like all others' that are
        // not mapped.
        let unmapped = proc::setting("kernel.overflowuid").and_then(|number| number.parse::<u32>().ok());
        let owner = std::fs::metadata("/").ok().map(|root| root.uid());
        if !Namespace::User.is_first() && owner == unmapped {
            owners.extend(owner);
        }
        Trust { owners, group: None, root: root.to_owned() }
    }

    /// Root's files and those of whoever runs this.
    pub fn of_process() -> Trust {
        let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
        let mut trust = Trust::of_root(Path::new("/"));
        if !user.is_root() {
            trust.owners.push(user.as_raw());
            trust.group = Some(group.as_raw());
        }
        trust
    }

    /// Opens what is at an absolute path, without a right to read it; or says who else may write it.
    ///
    /// # Errors
    /// Where nothing is there, or it cannot be reached.
    pub fn open(&self, path: &Path) -> io::Result<std::result::Result<Trusted, Writable>> {
        match Walk::start(self)?.to(path)? {
            Ok(file) => Ok(Ok(Trusted { file: file.into(), path: path.to_owned() })),
            Err(writable) => Ok(Err(writable)),
        }
    }

    /// Who else may write what is at this path; `None` where nobody may, or nothing is there.
    pub fn writable(&self, path: &Path) -> Option<Writable> {
        self.open(path).ok()?.err()
    }

    /// Who else may change a file or directory with these properties, unless it is mounted read-only.
    fn writer(&self, stat: &Stat) -> Option<Writer> {
        let mode = stat.st_mode;
        // In a sticky directory only the owner of a file, or of the directory, can replace it, and both are looked at.
        let spared = is_directory(stat) && mode & STICKY != 0;
        if !self.owners.contains(&stat.st_uid) {
            return Some(Writer::Owner(stat.st_uid));
        }
        if mode & OTHERS_WRITE != 0 && !spared {
            return Some(Writer::Everybody);
        }
        (mode & GROUP_WRITES != 0 && !spared && self.group != Some(stat.st_gid)).then_some(Writer::Group(stat.st_gid))
    }
}

impl Trusted {
    /// Whether its path still leads to it.
    pub fn is_at_its_path(&self) -> bool {
        let id = |file: io::Result<std::fs::Metadata>| file.ok().map(|file| (file.dev(), file.ino()));
        let own = id(self.file.metadata());
        own.is_some() && own == id(std::fs::metadata(&self.path))
    }
}

/// Refuses a file that root is about to use and others may write. Anybody else may do as they like: they have no rights to
/// give away.
///
/// # Errors
/// In that case.
pub fn require(doing: impl fmt::Display, path: &Path) -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let absolute = std::path::absolute(path).doing(|| &doing)?;
    Trust::of_root(Path::new("/")).writable(&absolute).map_or(Ok(()), |writable| Err(writable.error(doing)))
}

/// On the way from the root to a file.
struct Walk<'a> {
    trust: &'a Trust,
    /// The directories from the root to where we are.
    directories: Vec<(OwnedFd, PathBuf)>,
    /// What is still to be walked, the next name last.
    rest: Vec<OsString>,
    links: usize,
}

impl<'a> Walk<'a> {
    fn start(trust: &'a Trust) -> io::Result<Self> {
        let root = open(&trust.root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Walk { trust, directories: vec![(root, trust.root.clone())], rest: Vec::new(), links: 0 })
    }

    fn to(mut self, path: &Path) -> io::Result<std::result::Result<OwnedFd, Writable>> {
        if self.trust.root == Path::new("/")
            && let Some(writable) = self.judge(&self.directories[0], &fstat(&self.directories[0].0)?)
        {
            return Ok(Err(writable));
        }
        self.push(path.strip_prefix(&self.trust.root).unwrap_or(path));
        while let Some(name) = self.rest.pop() {
            if name == ".." {
                self.directories.truncate(self.directories.len().saturating_sub(1).max(1));
                continue;
            }
            let (directory, at) = &self.directories[self.directories.len() - 1];
            let path = at.join(&name);
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = openat(directory, &name, flags, Mode::empty())?;
            let stat = fstat(&file)?;
            if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
                // A link's own mode says nothing; its owner can replace it in a sticky directory.
                if !self.trust.owners.contains(&stat.st_uid) && is_shared(directory)? {
                    return Ok(Err(Writable { path: shown(&path), by: Writer::Owner(stat.st_uid) }));
                }
                self.follow(&file)?;
                continue;
            }
            let file = (file, path);
            if let Some(writable) = self.judge(&file, &stat) {
                return Ok(Err(writable));
            }
            if self.rest.is_empty() {
                return Ok(Ok(file.0));
            }
            self.directories.push(file);
        }
        // The path was the root's, or ended with "..".
        let (directory, _) = self.directories.pop().ok_or(io::ErrorKind::NotFound)?;
        Ok(Ok(directory))
    }

    fn judge(&self, (file, path): &(OwnedFd, PathBuf), stat: &Stat) -> Option<Writable> {
        let by = self.trust.writer(stat)?;
        // What is mounted read-only, as ConfigMaps are, is written by nobody who sees it there; but its owner may do so elsewhere.
        let read_only = || fstatvfs(file).is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::RDONLY));
        let spared = !matches!(by, Writer::Owner(_)) && is_directory(stat) && read_only();
        (!spared).then(|| Writable { path: shown(path), by })
    }

    fn follow(&mut self, link: &OwnedFd) -> io::Result<()> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(io::Error::from_raw_os_error(nix::libc::ELOOP));
        }
        let target = readlinkat(link, "", Vec::new())?;
        let target = Path::new(OsStr::from_bytes(target.to_bytes()));
        if target.is_absolute() {
            self.directories.truncate(1);
        }
        self.push(target);
        Ok(())
    }

    fn push(&mut self, path: &Path) {
        for part in path.components().rev() {
            match part {
                Component::Normal(name) => self.rest.push(name.to_owned()),
                Component::ParentDir => self.rest.push("..".into()),
                Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            }
        }
    }
}

fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// Whether others than its owner may write a directory.
fn is_shared(directory: &OwnedFd) -> io::Result<bool> {
    Ok(fstat(directory)?.st_mode & (GROUP_WRITES | OTHERS_WRITE) != 0)
}

fn shown(path: &Path) -> String {
    to_text(path.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    /// A directory whose surroundings do not count, with `a/b/file` in it.
    fn tree() -> (tempfile::TempDir, Trust) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::write(dir.path().join("a/b/file"), "").unwrap();
        for (name, mode) in [("a", 0o755), ("a/b", 0o755), ("a/b/file", 0o755)] {
            set(&dir, name, mode);
        }
        let root = dir.path().canonicalize().unwrap();
        let trust = Trust { owners: vec![nix::unistd::geteuid().as_raw()], group: None, root };
        (dir, trust)
    }

    fn set(dir: &tempfile::TempDir, name: &str, mode: u32) {
        fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn writable(trust: &Trust, name: &str) -> Option<(String, Writer)> {
        let writable = trust.writable(&trust.root.join(name))?;
        let path = Path::new(&writable.path).strip_prefix(&trust.root).unwrap().to_str().unwrap().to_owned();
        Some((path, writable.by))
    }

    #[test]
    fn every_part_of_the_way_counts() {
        let (dir, trust) = tree();
        assert_eq!(writable(&trust, "a/b/file"), None);
        let group = nix::unistd::getegid().as_raw();
        for (name, mode, by) in [
            ("a/b/file", 0o757, Writer::Everybody),
            ("a/b/file", 0o775, Writer::Group(group)),
            ("a/b", 0o777, Writer::Everybody),
            ("a", 0o775, Writer::Group(group)),
        ] {
            set(&dir, name, mode);
            assert_eq!(writable(&trust, "a/b/file"), Some((name.to_owned(), by)));
            set(&dir, name, 0o755);
        }
        let own = Trust { group: Some(group), ..trust.clone() };
        set(&dir, "a", 0o775);
        assert_eq!(writable(&own, "a/b/file"), None);
        assert_eq!(writable(&trust, "a/b/none"), Some(("a".to_owned(), Writer::Group(group))));
        set(&dir, "a", 0o755);
        assert_eq!(writable(&trust, "a/b/none"), None);
    }

    #[test]
    fn in_a_sticky_directory_the_owner_of_each_file_and_link_counts() {
        let (dir, trust) = tree();
        set(&dir, "a", 0o1777);
        symlink("b/file", dir.path().join("a/link")).unwrap();
        assert_eq!(writable(&trust, "a/link"), None);
        let other = Trust { owners: vec![u32::MAX - 7], ..trust.clone() };
        assert!(matches!(writable(&other, "a/link"), Some((_, Writer::Owner(_)))));
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        std::os::unix::fs::lchown(dir.path().join("a/link"), Some(1000), None).unwrap();
        assert_eq!(writable(&trust, "a/link"), Some(("a/link".to_owned(), Writer::Owner(1000))));
        // Elsewhere nobody but the directory's owner can replace a link.
        set(&dir, "a", 0o755);
        assert_eq!(writable(&trust, "a/link"), None);
        chown(dir.path().join("a/b"), Some(1000), None).unwrap();
        assert_eq!(writable(&trust, "a/link"), Some(("a/b".to_owned(), Writer::Owner(1000))));
    }

    #[test]
    fn links_are_followed_within_the_tree_and_end() {
        let (dir, trust) = tree();
        symlink("/a/../a/b/./file", dir.path().join("absolute")).unwrap();
        symlink("loop", dir.path().join("loop")).unwrap();
        assert!(trust.open(&trust.root.join("absolute")).unwrap().is_ok());
        let error = trust.open(&trust.root.join("loop")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(nix::libc::ELOOP));
        set(&dir, "a/b", 0o777);
        assert_eq!(writable(&trust, "absolute"), Some(("a/b".to_owned(), Writer::Everybody)));
    }

    #[test]
    fn a_file_that_was_replaced_is_not_at_its_path() {
        let (dir, trust) = tree();
        let file = trust.open(&trust.root.join("a/b/file")).unwrap().unwrap();
        assert!(file.is_at_its_path());
        fs::write(dir.path().join("new"), "").unwrap();
        fs::rename(dir.path().join("new"), dir.path().join("a/b/file")).unwrap();
        assert!(!file.is_at_its_path());
    }
}
