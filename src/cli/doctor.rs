//! The arguments of `rbinfmt doctor`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

/// Says what execve(2) does with files, or with what container images start, and why; without a file, what is wrong with
/// this machine.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// Files to judge; `-` reads a list, one name a line, from standard input. Images: docker-daemon:REF,
    /// docker-archive:FILE[:REF], oci:DIR[:TAG], oci-archive:FILE[:TAG], docker://REF, containers-storage:REF, or REF.
    /// None: the machine itself
    #[arg(value_name = "FILE|IMAGE")]
    pub files: Vec<OsString>,
    /// Judge as inside this directory: a chroot, or a container's file tree
    #[arg(long, value_name = "DIR", requires = "files")]
    pub root: Option<PathBuf>,
    /// Judge as this user, by name or number
    #[arg(long = "as", value_name = "USER", requires = "files")]
    pub user: Option<String>,
    /// An argument of the call, argv[0] first; may be repeated
    #[arg(long, value_name = "ARG", allow_hyphen_values = true, requires = "files")]
    pub argv: Vec<OsString>,
    /// Ask the kernel too, without running one instruction; of an image, verify every layer
    #[arg(long, requires = "files")]
    pub verify: bool,
    /// Of an image only this platform: linux/arm64, linux/arm/v7 ...
    #[arg(long, value_name = "PLATFORM", requires = "files")]
    pub platform: Option<String>,
    /// Apply the fixes that are safe (commands of rbinfmt, which can be undone), then look again
    #[arg(long)]
    pub fix: bool,
    /// Print a report that can be pasted into an issue: what was found, and the facts of this machine; home directories, its
    /// name and secrets are left out
    #[arg(long, conflicts_with_all = ["json", "fix"])]
    pub report: bool,
    /// Judge with the facts in a report of another machine; `-` reads it from standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fix", "verify"])]
    pub facts: Option<PathBuf>,
    /// For the machine, and for a report: do not run a program of each architecture
    #[arg(long)]
    pub no_verify: bool,
    /// For the machine, and for a report: do not ask container engines
    #[arg(long)]
    pub no_engines: bool,
    /// Name the causes of an error message, from whatever printed it; `-` reads it from standard input
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["files", "root", "user", "argv", "verify"], allow_hyphen_values = true)]
    pub message: Option<OsString>,
    /// List the causes that are known
    #[arg(long, conflicts_with_all = ["files", "message"])]
    pub list_checks: bool,
}

/// Explains a cause that the doctor named.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// The cause, as the doctor names it in brackets
    #[arg(value_name = "ID")]
    pub id: String,
}
