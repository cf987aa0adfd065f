//! The arguments of `rbinfmt doctor`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

/// Says what execve(2) does with files, and why; without a file, what is wrong with this machine.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// Files to judge; `-` reads a list, one name a line, from standard input; none: the machine itself
    #[arg(value_name = "FILE")]
    pub files: Vec<OsString>,
    /// Judge as inside this folder: a chroot, or a container's file tree
    #[arg(long, value_name = "DIR", requires = "files")]
    pub root: Option<PathBuf>,
    /// Judge as this user, by name or number
    #[arg(long = "as", value_name = "USER", requires = "files")]
    pub user: Option<String>,
    /// An argument of the call, argv[0] first; may be repeated
    #[arg(long, value_name = "ARG", allow_hyphen_values = true, requires = "files")]
    pub argv: Vec<OsString>,
    /// Ask the kernel too, without running one instruction
    #[arg(long, requires = "files")]
    pub verify: bool,
    /// For the machine: do not run a program of each architecture
    #[arg(long, conflicts_with = "files")]
    pub no_verify: bool,
    /// For the machine: do not ask container engines
    #[arg(long, conflicts_with = "files")]
    pub no_engines: bool,
    /// Apply the fixes that are safe (commands of rbinfmt, which can be undone), then look again
    #[arg(long)]
    pub fix: bool,
}
