//! A program with emulation and without root: in a user namespace with a table of its own, in place of this process.
//!
//! ```text
//! request        what is asked for
//! program        which file a name means; its chain of interpreters, by the model; the execve(2) at the end
//! environment    what the program gets, without what an emulator would misunderstand
//! obstacle       why this machine gives nobody such a namespace
//! plan           what will be done, which can be printed
//! image          an image as root directory
//! sysroot        libraries for a dynamic program
//! root           another root directory, and what is mounted in it
//! kept           a table that stays for other commands
//! enter          carries the plan out
//! ```

mod enter;
mod environment;
mod image;
mod kept;
mod obstacle;
mod plan;
mod program;
mod root;
mod sysroot;

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::PathBuf;

pub use self::environment::{Emulation, Variable, variable};
pub use self::image::{MOST, Source, collect};
pub use self::kept::Kept;
pub use self::plan::{Plan, Way, Who};
pub use self::root::Bind;
pub use self::sysroot::Sysroot;

use crate::emulators::FetchOptions;
use crate::error::{Error, Result, Status};

/// What is asked for.
#[derive(Debug, Default)]
pub struct Request {
    /// The program and its arguments; an image's own where there is none.
    pub command: Vec<OsString>,
    /// Architectures whose emulators have to be there, whatever the program itself needs.
    pub archs: Vec<String>,
    /// The root directory; this process's own where there is none.
    pub root: Option<Source>,
    /// Where its libraries come from.
    pub sysroot: Sysroot,
    /// Packages that are added to Debian's libraries.
    pub packages: Vec<String>,
    /// What is mounted besides.
    pub binds: Vec<Bind>,
    /// The working directory, in that root.
    pub directory: Option<PathBuf>,
    /// Variables that are set.
    pub variables: Vec<Variable>,
    /// Options of the emulators.
    pub emulation: Emulation,
    /// The caller is root there, with its subordinate users and groups where it has some.
    pub as_root: bool,
    /// The table stays under this name when the program has ended.
    pub keep: Option<String>,
    /// The program runs in the table that stays under this name.
    pub join: Option<String>,
    /// Where missing emulators come from.
    pub fetch: FetchOptions,
}

impl Error {
    /// What a failure before the program means: exit status 125, unless it says 126 or 127.
    #[must_use]
    pub fn before_the_program(self) -> Error {
        match self.status() {
            Status::NotFound | Status::NotExecutable => self,
            _ => self.with_status(Status::NotRun),
        }
    }
}

/// The error of a program that was not started, with the exit status of env(1).
fn not_started(doing: impl std::fmt::Display, errno: nix::errno::Errno) -> Error {
    use nix::errno::Errno::{ENOENT, ENOTDIR};
    let status = if matches!(errno, ENOENT | ENOTDIR) { Status::NotFound } else { Status::NotExecutable };
    Error::io(doing, errno.into()).with_status(status)
}

/// What a function returns that ends this process's own program.
type Never = Result<Infallible>;
