//! One error for everything: what was being done, why it failed, what to do next, and the exit status it means.

use std::fmt;
use std::io;
use std::path::Path;

/// What a process of ours says with its exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Status {
    /// Done, or healthy.
    Done = 0,
    /// Something failed, or a problem was found.
    Failed = 1,
    /// The request itself was wrong: arguments, a profile or the configuration. Nothing was changed.
    Usage = 2,
    /// What was asked could not be determined from here.
    Unknown = 3,
    /// `run` and `shell`, as env(1): rbinfmt failed before it came to the program.
    NotRun = 125,
    /// `run` and `shell`, as env(1): the program is there and cannot be executed.
    NotExecutable = 126,
    /// `run` and `shell`, as env(1): there is no such program.
    NotFound = 127,
}

/// A failure, told so that the reader knows what to do next.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {why}")]
pub struct Error {
    doing: String,
    why: String,
    help: Option<String>,
    status: Status,
    #[source]
    source: Option<io::Error>,
}

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Something that failed while `doing` ("mounting binfmt_misc on /x"), because of `why`.
    pub fn failed(doing: impl fmt::Display, why: impl fmt::Display) -> Self {
        Error { doing: one_line(doing), why: one_line(why), help: None, status: Status::Failed, source: None }
    }

    /// A request that cannot be meant: exit status 2.
    pub fn usage(doing: impl fmt::Display, why: impl fmt::Display) -> Self {
        Error { status: Status::Usage, ..Error::failed(doing, why) }
    }

    /// Something that cannot be seen or decided from here: exit status 3.
    pub fn unknown(doing: impl fmt::Display, why: impl fmt::Display) -> Self {
        Error { status: Status::Unknown, ..Error::failed(doing, why) }
    }

    /// An error of the operating system while `doing`.
    pub fn io(doing: impl fmt::Display, source: io::Error) -> Self {
        let why = os_text(&source);
        Error { source: Some(source), ..Error::failed(doing, why) }
    }

    /// Adds what to do next: a command, or one sentence.
    #[must_use]
    pub fn help(mut self, help: impl fmt::Display) -> Self {
        self.help = Some(one_line(help));
        self
    }

    /// The same error with a path called by another name: one of /proc/self/fd says nothing to a reader.
    #[must_use]
    pub(crate) fn naming(self, path: &Path, name: &Path) -> Self {
        let (path, name) = (path.display().to_string(), name.display().to_string());
        let renamed = |text: String| text.replace(&path, &name);
        Error { doing: renamed(self.doing), why: renamed(self.why), help: self.help.map(renamed), ..self }
    }

    /// The same error with another exit status.
    #[must_use]
    pub fn with_status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// What to do next, where there is something to say.
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The exit status that this error means.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Whether it says something of the moment alone: see [`is_passing`].
    pub fn is_passing(&self) -> bool {
        self.source.as_ref().is_some_and(is_passing)
    }

    /// The operating system's error number, where it was one.
    pub fn errno(&self) -> Option<i32> {
        self.source.as_ref().and_then(io::Error::raw_os_error)
    }
}

/// Names and texts of others are in it: none of them steers a terminal or looks like a line of ours.
fn one_line(text: impl fmt::Display) -> String {
    crate::text::printable(&text.to_string()).into_owned()
}

impl From<Status> for std::process::ExitCode {
    fn from(status: Status) -> Self {
        std::process::ExitCode::from(status as u8)
    }
}

/// The kernel's words for an error number, without Rust's "(os error 2)".
pub fn os_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Whether an error says something of the moment alone: short of memory, of descriptors, of processes or of space, a signal,
/// a disk that did not answer. The same call may succeed the next time.
pub fn is_passing(error: &io::Error) -> bool {
    use nix::errno::Errno::{EAGAIN, EBUSY, EINTR, EIO, EMFILE, ENFILE, ENOMEM, ENOSPC, ETIMEDOUT, ETXTBSY};
    let passing = [EAGAIN, EBUSY, EINTR, EIO, EMFILE, ENFILE, ENOMEM, ENOSPC, ETIMEDOUT, ETXTBSY];
    error.raw_os_error().is_some_and(|errno| passing.iter().any(|&p| p as i32 == errno))
}

/// `result.doing(|| "reading x")`: names what was being done when an `io::Error` came.
pub trait Doing<T> {
    /// Turns the operating system's error into ours.
    ///
    /// # Errors
    /// The same error, with what was being done.
    fn doing<D: fmt::Display>(self, doing: impl FnOnce() -> D) -> Result<T>;
}

impl<T, E: Into<io::Error>> Doing<T> for std::result::Result<T, E> {
    fn doing<D: fmt::Display>(self, doing: impl FnOnce() -> D) -> Result<T> {
        self.map_err(|error| Error::io(doing(), error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_speaks_without_rusts_suffix() {
        let error = Error::io("opening x", io::Error::from_raw_os_error(2));
        assert_eq!(error.to_string(), "opening x: No such file or directory");
        assert_eq!(error.errno(), Some(2));
        assert_eq!(error.status(), Status::Failed);
    }

    #[test]
    fn exit_statuses_are_the_documented_numbers() {
        let numbers = [Status::Done, Status::Failed, Status::Usage, Status::Unknown].map(|s| s as u8);
        assert_eq!(numbers, [0, 1, 2, 3]);
        assert_eq!([Status::NotRun, Status::NotExecutable, Status::NotFound].map(|s| s as u8), [125, 126, 127]);
    }
}
