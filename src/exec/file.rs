//! A file that a walk found, and its content. Only regular files are ever opened, and little
//! more of them is read than the kernel would read.

use std::ffi::CStr;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, OnceLock};

use bstr::{BString, ByteVec};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, readlinkat};
use nix::sys::stat::{Mode, fstat};
use nix::sys::statfs::fstatfs;
use nix::sys::statvfs::FsFlags;
use nix::unistd::{AccessFlags, faccessat};
use rustix::buffer::spare_capacity;
use rustix::io::Errno as Failed;

use super::ask;
use super::caps::FileCaps;
use super::identity::{Identity, Object};
use super::tree::{Body, Stored, Tree};

use crate::proc;

/// A file that was found and not opened.
#[derive(Debug)]
pub(super) struct Found {
    place: Location,
    mode: u32,
    uid: u32,
    gid: u32,
    len: u64,
}

#[derive(Debug)]
enum Location {
    /// O_PATH
    Disk(OwnedFd),
    Tree(Arc<Tree>, usize),
}

/// What a file is that is not a regular one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// S_IFDIR
    Directory,
    /// S_IFIFO
    Fifo,
    /// S_IFSOCK
    Socket,
    /// S_IFCHR or S_IFBLK
    Device,
    /// S_IFLNK
    Link,
    /// Something that this rbinfmt has never heard of.
    Other,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FileKind::Directory => "a directory",
            FileKind::Fifo => "a FIFO",
            FileKind::Socket => "a socket",
            FileKind::Device => "a device",
            FileKind::Link => "a symbolic link",
            FileKind::Other => "of an unknown kind",
        })
    }
}

/// Why a file cannot be executed, apart from its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Its kind: a directory, a FIFO, a socket or a device.
    Kind(FileKind),
    /// The mount or the filesystem it is on.
    Mount,
    /// Its permission bits.
    Bits,
    /// Something that only the kernel knows: a security module, a writer.
    Kernel(Errno),
}

/// The content of a regular file.
#[derive(Debug)]
pub struct Content {
    from: Source,
    /// The first bytes of a file on disk, from the first read among them.
    front: OnceLock<Vec<u8>>,
    /// Bytes, when it was looked at.
    pub(super) len: u64,
    mode: u32,
}

#[derive(Debug)]
enum Source {
    Disk(File),
    Tree(Arc<Tree>, Arc<Stored>),
}

const TYPE: u32 = libc::S_IFMT;
const NAME_MAX: usize = 255;
/// Most programs have their headers, the name of their loader and their notes in so many bytes: one read instead of six.
const FRONT: usize = 1024;

impl Found {
    pub(super) fn of(fd: OwnedFd) -> Result<Self, Errno> {
        let stat = fstat(&fd)?;
        let (mode, uid, gid) = (stat.st_mode, stat.st_uid, stat.st_gid);
        Ok(Found { place: Location::Disk(fd), mode, uid, gid, len: stat.st_size.max(0) as u64 })
    }

    /// The root of a tree.
    pub(super) fn root_of(tree: &Arc<Tree>) -> Self {
        Found::within(tree, 0)
    }

    fn within(tree: &Arc<Tree>, node: usize) -> Self {
        let found = tree.node(node);
        let len = if let Body::File(stored) = &found.body { stored.len } else { 0 };
        let (mode, uid, gid) = (found.mode(), found.meta.uid, found.meta.gid);
        Found { place: Location::Tree(tree.clone(), node), mode, uid, gid, len }
    }

    /// A file of this directory; a link is not followed.
    pub(super) fn child(&self, name: &[u8]) -> Result<Self, Errno> {
        match &self.place {
            Location::Disk(fd) => {
                let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                Found::of(openat(fd, name, flags, Mode::empty())?)
            }
            Location::Tree(..) if name.len() > NAME_MAX => Err(Errno::ENAMETOOLONG),
            Location::Tree(tree, node) => {
                tree.child(*node, name).map(|node| Found::within(tree, node)).ok_or(Errno::ENOENT)
            }
        }
    }

    /// Where a link points.
    pub(super) fn target(&self) -> Result<BString, Errno> {
        match &self.place {
            Location::Disk(fd) => {
                Vec::from_os_string(readlinkat(fd, "")?).map(BString::from).map_err(|_| Errno::EINVAL)
            }
            Location::Tree(tree, node) => match &tree.node(*node).body {
                Body::Link(target) => Ok(target.clone()),
                _ => Err(Errno::EINVAL),
            },
        }
    }

    pub(super) fn mode(&self) -> u32 {
        self.mode
    }

    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    pub(super) fn is_directory(&self) -> bool {
        self.mode() & TYPE == libc::S_IFDIR
    }

    pub(super) fn is_link(&self) -> bool {
        self.mode() & TYPE == libc::S_IFLNK
    }

    /// The kind of file, where it is not a regular one.
    pub(super) fn special(&self) -> Option<FileKind> {
        match self.mode() & TYPE {
            libc::S_IFREG => None,
            libc::S_IFDIR => Some(FileKind::Directory),
            libc::S_IFIFO => Some(FileKind::Fifo),
            libc::S_IFSOCK => Some(FileKind::Socket),
            libc::S_IFCHR | libc::S_IFBLK => Some(FileKind::Device),
            libc::S_IFLNK => Some(FileKind::Link),
            _ => Some(FileKind::Other),
        }
    }

    /// Whether the x bits (and the access list, which for another user is read here) allow it.
    pub(super) fn allows(&self, who: &Identity) -> bool {
        let list = if who.own || who.overrides { None } else { self.access_list() };
        who.may_execute(Object { mode: self.mode, uid: self.uid, gid: self.gid, acl: list.as_deref() })
    }

    /// Why `who` may not execute it; `ask` lets the kernel judge.
    pub(super) fn refuses(&self, who: &Identity, ask: bool) -> Option<Refused> {
        if let Some(kind) = self.special() {
            return Some(Refused::Kind(kind));
        }
        if let (true, Location::Disk(fd)) = (who.own, &self.place) {
            let flags = AtFlags::AT_EACCESS | AtFlags::AT_EMPTY_PATH;
            match faccessat(fd, "", AccessFlags::X_OK, flags) {
                Ok(()) if ask => return ask::check(fd.as_fd()).map(Refused::Kernel),
                Ok(()) => return None,
                // faccessat2 came with 5.8.
                Err(Errno::ENOSYS | Errno::EINVAL | Errno::EPERM) => {}
                Err(errno) => {
                    return Some(match errno {
                        _ if self.is_noexec() => Refused::Mount,
                        _ if !self.allows(who) => Refused::Bits,
                        errno => Refused::Kernel(errno),
                    });
                }
            }
        }
        match () {
            () if self.is_noexec() => Some(Refused::Mount),
            () if !self.allows(who) => Some(Refused::Bits),
            () => None,
        }
    }

    /// Whether its mount, or its filesystem whatever the mount says, forbids programs.
    fn is_noexec(&self) -> bool {
        const NEVER: [u64; 4] = [0x9fa0, 0x6265_6572, 0x4249_4e4d, 0x0027_e0eb];
        let Location::Disk(fd) = &self.place else { return false };
        fstatfs(fd)
            .is_ok_and(|fs| fs.flags().contains(FsFlags::ST_NOEXEC) || NEVER.contains(&(fs.filesystem_type().0 as u64)))
    }

    fn access_list(&self) -> Option<Vec<u8>> {
        let Location::Disk(fd) = &self.place else { return None };
        xattr(fd, c"system.posix_acl_access")
    }

    /// Opens a regular file for reading.
    pub(super) fn content(&self) -> Result<Content, Errno> {
        let from = match &self.place {
            Location::Disk(fd) => {
                let path = proc::of_descriptor(fd);
                let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
                Source::Disk(open(&path, flags, Mode::empty())?.into())
            }
            Location::Tree(tree, node) => match &tree.node(*node).body {
                Body::File(stored) => Source::Tree(tree.clone(), stored.clone()),
                _ => return Err(Errno::EINVAL),
            },
        };
        Ok(Content { from, front: OnceLock::new(), len: self.len, mode: self.mode })
    }
}

/// An extended attribute of an open file.
fn xattr(fd: impl AsFd, name: &CStr) -> Option<Vec<u8>> {
    let mut value = Vec::with_capacity(4096);
    let read = match rustix::fs::fgetxattr(&fd, name, spare_capacity(&mut value)) {
        // A descriptor of O_PATH.
        Err(Failed::BADF) => rustix::fs::getxattr(proc::of_descriptor(&fd), name, spare_capacity(&mut value)),
        read => read,
    };
    read.ok().map(|_| value)
}

/// The bytes of a file from `at` to its end, `most` of them.
fn of_disk(file: &File, most: usize, at: u64) -> io::Result<Vec<u8>> {
    // Into memory that is not filled with zeros first: most of it may never be written.
    let mut bytes = Vec::with_capacity(most);
    while bytes.len() < most
        && let Some(from) = at.checked_add(bytes.len() as u64)
    {
        match rustix::io::pread(file, spare_capacity(&mut bytes), from) {
            Ok(0) => break,
            Ok(_) | Err(Failed::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(most);
    Ok(bytes)
}

impl Content {
    /// Whether it gives any capabilities.
    pub fn gives_capabilities(&self) -> bool {
        self.capabilities().is_some()
    }

    /// The capabilities that it gives; none on a mount with the option nosuid.
    pub(super) fn capabilities(&self) -> Option<FileCaps> {
        let file = match &self.from {
            Source::Disk(file) => file,
            Source::Tree(_, stored) => return FileCaps::parse(&stored.capability),
        };
        let caps = FileCaps::parse(&xattr(file, c"security.capability")?)?;
        let counts = fstatfs(file).is_ok_and(|fs| !fs.flags().contains(FsFlags::ST_NOSUID));
        counts.then_some(caps)
    }

    /// Bytes, when it was looked at.
    pub fn size(&self) -> u64 {
        self.len
    }

    /// Whether anybody may execute it.
    pub fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }

    /// Whether it runs with its owner's rights.
    pub fn is_setuid(&self) -> bool {
        self.mode & libc::S_ISUID != 0
    }

    /// Reads into `buffer` from `at` as far as the file goes.
    ///
    /// # Errors
    /// What pread(2) says, and bytes of an image that were not kept.
    pub fn read(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        if let Some(bytes) = self.in_front(buffer.len(), at)? {
            buffer[..bytes.len()].copy_from_slice(bytes);
            return Ok(bytes.len());
        }
        let mut done = 0;
        while done < buffer.len() {
            let Some(from) = at.checked_add(done as u64) else { break };
            let read = match &self.from {
                Source::Disk(file) => file.read_at(&mut buffer[done..], from),
                Source::Tree(tree, stored) => tree.read(stored, &mut buffer[done..], from),
            };
            match read {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(done)
    }

    /// Reads the bytes from `at` to the end, `most` of them.
    ///
    /// # Errors
    /// What pread(2) says, and bytes of an image that were not kept.
    pub fn up_to(&self, most: usize, at: u64) -> io::Result<Vec<u8>> {
        if let Some(bytes) = self.in_front(most, at)? {
            return Ok(bytes.to_vec());
        }
        match &self.from {
            Source::Disk(file) => of_disk(file, most, at),
            Source::Tree(..) => {
                let mut bytes = vec![0; most];
                let len = self.read(&mut bytes, at)?;
                bytes.truncate(len);
                Ok(bytes)
            }
        }
    }

    /// What `up_to` gives, where the first bytes of a file on disk have all of it.
    fn in_front(&self, most: usize, at: u64) -> io::Result<Option<&[u8]>> {
        let (Source::Disk(file), Some(from @ ..FRONT)) = (&self.from, usize::try_from(at).ok()) else {
            return Ok(None);
        };
        if most > FRONT - from {
            return Ok(None);
        }
        let front = match self.front.get() {
            Some(front) => front,
            None => {
                let read = of_disk(file, FRONT, 0)?;
                self.front.get_or_init(|| read)
            }
        };
        let rest = front.get(from..).unwrap_or_default();
        Ok(Some(&rest[..most.min(rest.len())]))
    }

    /// Reads exactly `len` bytes; the kernel's error where there are fewer (elf_read in fs/binfmt_elf.c).
    ///
    /// # Errors
    /// EIO where the file ends before, as kernel_read() has it; else what pread(2) says.
    pub fn exactly(&self, len: usize, at: u64) -> Result<Vec<u8>, Errno> {
        // rw_verify_area: a position is a signed number.
        if at > i64::MAX as u64 || at + len as u64 > i64::MAX as u64 {
            return Err(Errno::EINVAL);
        }
        match self.up_to(len, at) {
            Ok(bytes) if bytes.len() == len => Ok(bytes),
            Ok(_) => Err(Errno::EIO),
            Err(e) => Err(Errno::from_raw(e.raw_os_error().unwrap_or(libc::EIO))),
        }
    }
}
