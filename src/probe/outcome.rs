//! What came of a probe.

use std::fmt;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::binfmt::entry::Flags;
use crate::error::{is_passing, os_text};

/// What came of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The program ran.
    Works {
        /// argv\[0\] arrived as it was given; otherwise the program saw its own path.
        argv0: bool,
    },
    /// The program did not run, and why.
    Fails(Failure),
    /// It could not be determined: what stood in the way may have passed by the next time.
    Unclear(String),
}

/// Why a probe did not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// execve(2) failed: its error, and what that means here.
    NotStarted(String),
    /// It ran, and saw other arguments than it was given: what the entry's flag P says is not what the emulator expects.
    Shifted,
    /// The emulator ended by itself, with another status than the program's.
    Ended {
        /// Its exit status.
        status: i32,
        /// The first line that it wrote to its standard error; may be empty.
        complaint: String,
    },
    /// The emulator was killed.
    Killed {
        /// By this signal.
        signal: i32,
        /// The first line that it wrote to its standard error; may be empty.
        complaint: String,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let complaint = match self {
            Failure::NotStarted(why) => return f.write_str(why),
            Failure::Shifted => {
                return f.write_str("the program ran, but its arguments are shifted: emulator and flag P disagree");
            }
            Failure::Ended { status, complaint } => {
                write!(f, "the emulator ended with status {status}")?;
                complaint
            }
            Failure::Killed { signal, complaint } => {
                write!(f, "the emulator was killed by signal {signal}")?;
                complaint
            }
        };
        if complaint.is_empty() { Ok(()) } else { write!(f, ": {complaint}") }
    }
}

impl Outcome {
    /// Whether the program ran.
    pub fn works(&self) -> bool {
        matches!(self, Outcome::Works { .. })
    }

    /// Whether the answer of this round, counted from 1, is not to be believed yet.
    pub(super) fn is_doubtful(&self, round: usize) -> bool {
        match self {
            Outcome::Works { .. } => false,
            Outcome::Fails(_) => round < 2,
            Outcome::Unclear(_) => true,
        }
    }

    /// What it means for an entry with these flags. Under P the kernel gives the emulator both the path and argv\[0\]:
    /// where the program sees the path as its argv\[0\], it sees argv\[0\] as its first argument.
    pub fn under(self, flags: Flags) -> Outcome {
        match self {
            Outcome::Works { argv0: false } if flags.has(Flags::P) => Outcome::Fails(Failure::Shifted),
            outcome => outcome,
        }
    }
}

/// What an error of starting a probe means.
pub(super) fn explain(error: &std::io::Error) -> Outcome {
    let meaning = match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOEXEC) => "no entry of the table matches it, or the entry's interpreter cannot be executed",
        Some(Errno::ENOENT) => "the entry's interpreter does not exist here",
        Some(Errno::EACCES) => "the entry's interpreter may not be executed",
        Some(Errno::ELOOP) => "the entry's interpreter is itself matched by an entry",
        _ if is_passing(error) => return Outcome::Unclear(os_text(error)),
        _ => return Outcome::Fails(Failure::NotStarted(os_text(error))),
    };
    Outcome::Fails(Failure::NotStarted(format!("{}: {meaning}", os_text(error))))
}
