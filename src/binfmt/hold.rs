//! Entries that keep their own table alive after the mount namespace in which it was mounted is gone.
//!
//! From 5.10.262, 6.1.176 and 6.8 on (and not in 5.19 as first released) the kernel destroys all entries with the last
//! mount of binfmt_misc. Where nothing on the machine has it mounted, a container's mount is the last one. But
//! - a mount that is locked under another one stays connected to it when its namespace ends, for as long as a file of
//!   the outer mount is open;
//! - an entry with flag F keeps its interpreter's file open.
//!
//! So the table is mounted inside the emulators' directory, which is mounted onto itself; a child takes a user and mount
//! namespace, in whose copy of the mounts the inner one is locked to the outer one; and the child writes the rules, so
//! that the kernel opens the emulators on its copy of the outer mount. The chain entry -> emulator's file -> outer mount
//! -> inner mount -> table -> entry holds until the last such entry is removed.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

use super::mounts::mount_table;
use super::namespace::Namespace;
use super::table::Table;
use crate::error::{Doing, Error, Result, os_text};

/// The empty directory next to the emulators on which the table is mounted, in a namespace that nobody else sees.
const INNER: &str = ".rbinfmt";

/// Where self-holding entries are made.
#[derive(Debug)]
pub struct SelfHolding {
    /// The table, as it is seen from here.
    pub table: Table,
    /// Registers entries that hold it; or why there is none. A kernel that keeps entries by itself needs none.
    pub writer: Result<Writer>,
    /// The way out.
    pub namespace: Namespace,
}

/// A child in namespaces of its own that writes to `register` for us.
#[derive(Debug)]
pub struct Writer {
    line: UnixStream,
    child: Pid,
}

impl SelfHolding {
    /// Sets up the mounts and the child for emulators in these directories.
    ///
    /// # Errors
    /// What unshare(2) and mount(2) say, and an empty list. That the child could not be made is not an error: the writer
    /// says so.
    pub fn enter(directories: &[PathBuf]) -> Result<SelfHolding> {
        let namespace = Namespace::enter()?;
        match Self::build(directories) {
            Ok((table, writer)) => Ok(SelfHolding { table, writer, namespace }),
            Err(error) => {
                namespace.leave()?;
                Err(error)
            }
        }
    }

    fn build(directories: &[PathBuf]) -> Result<(Table, Result<Writer>)> {
        let mut table = None;
        for directory in directories {
            mount(Some(directory), directory, None::<&str>, MsFlags::MS_BIND, None::<&str>)
                .doing(|| format!("mounting {} onto itself", directory.display()))?;
            let inner = inner_directory(directory)?;
            mount_table(&inner)?;
            table = table.or(Some(Table::at(&inner)));
        }
        let table = table.ok_or_else(|| Error::failed("making entries hold their table", "there is no emulator"))?;
        let writer = Writer::start(table.open_register()?);
        Ok((table, writer))
    }
}

/// A directory below `directory` to mount on: ours, or any other where none can be made. In this namespace alone it is covered.
fn inner_directory(directory: &Path) -> Result<PathBuf> {
    let ours = directory.join(INNER);
    match fs::create_dir(&ours) {
        Ok(()) => Ok(ours),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(ours),
        Err(error) => {
            let items = fs::read_dir(directory).into_iter().flatten().flatten();
            let other = items.map(|item| item.path()).find(|path| path.is_dir());
            other.ok_or_else(|| {
                Error::io(format!("making the directory {}", ours.display()), error)
                    .help("make it beforehand, or let the directory of the emulators be writable")
            })
        }
    }
}

impl Writer {
    #[allow(unsafe_code)]
    fn start(register: File) -> Result<Writer> {
        let doing = || "starting the process that registers entries";
        let (line, far_end) = UnixStream::pair().doing(doing)?;
        // SAFETY: this process has one thread, so the child finds no lock held by another.
        match unsafe { fork() }.doing(doing)? {
            ForkResult::Child => {
                drop(line);
                serve(far_end, register);
                // Nothing of the parent's is to be run or flushed here.
                // SAFETY: _exit has no preconditions.
                unsafe { nix::libc::_exit(0) }
            }
            ForkResult::Parent { child } => {
                drop((far_end, register));
                let mut writer = Writer { line, child };
                // Without the error's number: it says nothing about the right to mount.
                writer.answer().and_then(told).map_err(|e| {
                    Error::failed("making a user namespace for self-holding entries", os_text(&e)).help(
                        "allow user namespaces (`sysctl user.max_user_namespaces`), or mount the table on the host",
                    )
                })?;
                Ok(writer)
            }
        }
    }

    /// Registers an entry.
    ///
    /// # Errors
    /// What the kernel answered the child's write, or the end of the child.
    pub fn register(&mut self, string: &[u8]) -> io::Result<()> {
        let mut exchange = || {
            self.line.write_all(&(string.len() as u32).to_ne_bytes())?;
            self.line.write_all(string)?;
            self.answer()
        };
        match exchange() {
            Ok(errno) => told(errno),
            Err(error) => {
                // What came next would be the answer to this.
                let _ = self.line.shutdown(std::net::Shutdown::Both);
                Err(error)
            }
        }
    }

    /// The number of the kernel's error, or 0.
    fn answer(&mut self) -> io::Result<i32> {
        let mut errno = [0; 4];
        self.line.read_exact(&mut errno)?;
        Ok(i32::from_ne_bytes(errno))
    }
}

fn told(errno: i32) -> io::Result<()> {
    if errno == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(errno)) }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The child ends when the line does, and with it what it still held of the mounts.
        let _ = self.line.shutdown(std::net::Shutdown::Both);
        let _ = waitpid(self.child, None);
    }
}

/// The child: one answer for the namespaces, then one for each string.
fn serve(mut line: UnixStream, register: File) {
    let own = unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS);
    // False where it did not get through: whoever waits for it sees the end of the line.
    let answer = |result: nix::Result<()>, line: &mut UnixStream| {
        let errno = result.err().map_or(0, |e| e as i32);
        line.write_all(&errno.to_ne_bytes()).is_ok()
    };
    if !answer(own, &mut line) || own.is_err() {
        return;
    }
    let register = OwnedFd::from(register);
    let mut len = [0; 4];
    while line.read_exact(&mut len).is_ok() {
        let mut string = vec![0; u32::from_ne_bytes(len) as usize];
        if line.read_exact(&mut string).is_err() {
            return;
        }
        if !answer(nix::unistd::write(&register, &string).map(drop), &mut line) {
            return;
        }
    }
}
