//! What the model answers.

use std::fmt;

use bstr::BString;
use nix::errno::Errno;

use super::file::Refused;

/// What execve(2) would do, and how it comes to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The end.
    pub outcome: Outcome,
    /// One step for each file that was looked into, in order.
    pub steps: Vec<Step>,
}

/// The end of an execve(2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A program runs.
    Starts(Started),
    /// The call fails.
    Fails {
        /// With this error,
        errno: Errno,
        /// for this reason.
        why: String,
        /// What forbids it, where it is not the content.
        refused: Option<Refused>,
    },
    /// The process is killed with SIGSEGV after the point of no return, for this reason.
    Killed(Death),
    /// It depends on random addresses, for this reason.
    Undecided(String),
    /// It cannot be known from here, for this reason.
    Unknown(String),
}

/// Why the process is killed after the point of no return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// p_offset and p_vaddr of a segment differ within a page: the program was linked for smaller pages than this kernel's.
    Misaligned,
    /// Its segments cannot be mapped, for this reason.
    Unmappable(&'static str),
}

impl Death {
    /// In words.
    pub fn why(self) -> &'static str {
        match self {
            Death::Misaligned => "p_offset and p_vaddr of a segment differ within a page",
            Death::Unmappable(why) => why,
        }
    }
}

/// The program that runs in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Its path, as the kernel got it: what /proc/PID/exe links to, but for links.
    pub exe: BString,
    /// Its argument list.
    pub argv: Vec<BString>,
    /// The file that AT_EXECFD gives it open.
    pub execfd: Option<BString>,
    /// AT_FLAGS
    pub at_flags: u64,
    /// Whether it is given to the 32-bit loader.
    pub compat: bool,
    /// Its PT_INTERP, where it has one.
    pub loader: Option<BString>,
}

/// One file of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its path.
    pub path: BString,
    /// What took it; `None` where the chain ends in failure.
    pub handler: Option<Handler>,
    /// The interpreter that takes over, or the entry's name.
    pub name: Option<BString>,
    /// The arguments after this step.
    pub argv: Vec<BString>,
    /// What the kernel reads of it first; empty where nothing was read.
    pub head: Vec<u8>,
    /// The bytes of `head` that decided: offset and number.
    pub marked: (usize, usize),
    /// What decided.
    pub decided: Decided,
}

/// What decided about a file of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// Nothing yet.
    Nothing,
    /// An entry with a BPF program.
    Bpf,
    /// `#!` and the name of an interpreter.
    Script,
    /// `#!` without a name.
    ScriptWithoutName,
    /// `#!` and a name that is longer than what the kernel reads of a file.
    ScriptCutOff,
    /// The newest entry that matches.
    Entry,
    /// The file is the PT_INTERP of the program before it.
    PtInterp,
    /// What the ELF loader says of it.
    Elf(&'static str),
    /// No format has a place for it.
    NoFormat,
}

impl Decided {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Decided::Nothing => "",
            Decided::Bpf => "a BPF program decides",
            Decided::Script => "#! names an interpreter",
            Decided::ScriptWithoutName => "#! without a name",
            Decided::ScriptCutOff => "#! with a name longer than what the kernel reads",
            Decided::Entry => "the newest entry that matches",
            Decided::PtInterp => "PT_INTERP names it",
            Decided::Elf(words) => words,
            Decided::NoFormat => "neither #! nor ELF, and no entry matches",
        }
    }
}

/// What the kernel gives a file to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handler {
    /// binfmt_script
    Script,
    /// An entry of binfmt_misc.
    Entry,
    /// The ELF loader of the CPU's own mode.
    Elf,
    /// The ELF loader of its 32-bit mode.
    Compat,
    /// It is the PT_INTERP of the program before it.
    Loader,
}

impl Outcome {
    /// One word for it.
    pub fn kind(&self) -> &'static str {
        match self {
            Outcome::Starts(_) => "starts",
            Outcome::Fails { .. } => "errno",
            Outcome::Killed(_) => "killed",
            Outcome::Undecided(_) => "undecided",
            Outcome::Unknown(_) => "unknown",
        }
    }

    /// Why, where it does not start.
    pub fn why(&self) -> Option<&str> {
        match self {
            Outcome::Starts(_) => None,
            Outcome::Fails { why, .. } => Some(why),
            Outcome::Killed(death) => Some(death.why()),
            Outcome::Undecided(why) | Outcome::Unknown(why) => Some(why),
        }
    }

    /// The error, where the call fails.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Outcome::Fails { errno, .. } => Some(*errno),
            _ => None,
        }
    }

    pub(super) fn fails(errno: Errno, why: impl fmt::Display) -> Self {
        Outcome::Fails { errno, why: why.to_string(), refused: None }
    }
}

impl Handler {
    /// One word for it.
    pub fn word(self) -> &'static str {
        match self {
            Handler::Script => "script",
            Handler::Entry => "entry",
            Handler::Elf => "elf",
            Handler::Compat => "compat",
            Handler::Loader => "loader",
        }
    }
}
