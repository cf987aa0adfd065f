//! The tree of files that is judged: this process's own, a directory in which links cannot lead out, or one in memory.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::{BString, ByteSlice};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use rustix::fs::OFlags;

use super::ask;
pub use super::file::Content;
use super::file::Found;
use super::identity::Identity;
use super::tree::Tree;
use super::walk;
use crate::beneath::inside_with_magic;
use crate::error::{Doing, Result, Status};

/// A tree of files, looked at but never opened for anything else than reading regular files.
#[derive(Debug)]
pub struct Root {
    files: Files,
    path: PathBuf,
    cwd: BString,
    asks_kernel: bool,
}

#[derive(Debug)]
enum Files {
    /// This process's own root and working directory, where the kernel walks for us.
    Own,
    Below(OwnedFd),
    Tree(Arc<Tree>),
}

/// A path longer than this, with its NUL, is refused immediately.
pub(super) const PATH_MAX: usize = 4096;

/// A list of users has a few kilobytes.
const MAX_TEXT: usize = 1 << 20;

const LOOK: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);

impl Root {
    /// This process's own files.
    pub fn own() -> Self {
        Root { files: Files::Own, path: "/".into(), cwd: BString::default(), asks_kernel: false }
    }

    /// The tree below `directory`, as after chroot(2) into it and cd to its root.
    ///
    /// # Errors
    /// A directory that cannot be opened.
    pub fn below(directory: &Path) -> Result<Self> {
        let flags = LOOK | OFlag::O_DIRECTORY;
        let opened = open(directory, flags, Mode::empty());
        let opened = opened.doing(|| format!("opening the root {}", directory.display()));
        let fd = opened.map_err(|error| error.with_status(Status::Usage))?;
        Ok(Root { files: Files::Below(fd), path: directory.to_owned(), cwd: "/".into(), asks_kernel: false })
    }

    /// A tree in memory, with this working directory.
    pub fn tree(tree: Arc<Tree>, cwd: &[u8]) -> Self {
        Root { files: Files::Tree(tree), path: "/".into(), cwd: cwd.into(), asks_kernel: false }
    }

    /// Lets the kernel say of each file whether it can be executed (AT_EXECVE_CHECK, 6.14 and later): that knows of
    /// writers and security modules too. Only for this process's own identity, and not under a tool that drops the flag.
    #[must_use]
    pub fn asking_kernel(mut self, ask: bool) -> Self {
        self.asks_kernel = ask && ask::heeds_flags();
        self
    }

    /// Whether it is this process's own.
    pub fn is_own(&self) -> bool {
        matches!(self.files, Files::Own)
    }

    /// A file of a tree in a directory, by its path outside of that tree; as no program takes it for an option.
    pub fn outside(&self, path: &str) -> String {
        match self.files {
            Files::Below(_) => self.path.join(path.trim_start_matches('/')).to_string_lossy().into_owned(),
            Files::Own if path.starts_with('-') => format!("./{path}"),
            Files::Own | Files::Tree(_) => path.to_owned(),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn asks_kernel(&self) -> bool {
        self.asks_kernel
    }

    /// Walks to a file as the kernel would for `who`, without opening it.
    pub(super) fn find(&self, path: &[u8], who: &Identity) -> Result<Found, Errno> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        if path.len() >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        match &self.files {
            Files::Own if who.own => Found::of(open(path, LOOK, Mode::empty())?),
            Files::Below(root) if who.own => {
                let opened = inside_with_magic(root, path.to_path().map_err(|_| Errno::EILSEQ)?, OFlags::PATH);
                match opened.map_err(|errno| Errno::from_raw(errno.raw_os_error())) {
                    // Kernels before 5.6, sandboxes that do not know the call, and renaming without an end.
                    Err(Errno::ENOSYS | Errno::EPERM | Errno::E2BIG | Errno::EAGAIN) => {
                        walk::by_hand(self.start()?, &self.cwd, path, who)
                    }
                    // A magic link of /proc: what it points to is outside.
                    Err(Errno::EXDEV) => Err(Errno::ENOENT),
                    opened => Found::of(opened?),
                }
            }
            _ => walk::by_hand(self.start()?, &self.cwd()?, path, who),
        }
    }

    /// Whether something was asked for, since the last time this was asked, that a tree in memory did not keep.
    pub(super) fn fell_short(&self) -> bool {
        matches!(&self.files, Files::Tree(tree) if tree.fell_short())
    }

    /// Opens a regular file for reading, as this process itself.
    ///
    /// # Errors
    /// What the kernel's walk would say: ENOENT, ENOTDIR, ELOOP, EACCES, ENAMETOOLONG.
    pub fn open(&self, path: &[u8]) -> Result<Content, Errno> {
        let found = self.find(path, &Identity::nobody_else())?;
        match found.special() {
            None => found.content(),
            Some(_) => Err(Errno::EINVAL),
        }
    }

    /// A small text file, such as /etc/passwd: at most a megabyte of it.
    ///
    /// # Errors
    /// What the kernel's walk would say, or read(2).
    pub fn text(&self, path: &[u8]) -> io::Result<String> {
        let file = self.open(path)?;
        let mut bytes = vec![0; usize::try_from(file.size()).unwrap_or(MAX_TEXT).min(MAX_TEXT)];
        let len = file.read(&mut bytes, 0)?;
        Ok(String::from_utf8_lossy(&bytes[..len]).into_owned())
    }

    fn start(&self) -> Result<Found, Errno> {
        match &self.files {
            Files::Below(root) => {
                Found::of(root.try_clone().map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(0)))?)
            }
            Files::Own => Found::of(open("/", LOOK | OFlag::O_DIRECTORY, Mode::empty())?),
            Files::Tree(tree) => Ok(Found::root_of(tree)),
        }
    }

    fn cwd(&self) -> Result<BString, Errno> {
        match &self.files {
            Files::Below(_) | Files::Tree(_) => Ok(self.cwd.clone()),
            Files::Own => nix::unistd::getcwd().map(|path| <[u8]>::from_path(&path).unwrap_or(b"/").into()),
        }
    }
}
