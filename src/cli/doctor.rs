//! The arguments of `rbinfmt doctor`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

/// Says what execve(2) does with files, and why.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// Files to judge; `-` reads a list, one name a line, from standard input
    #[arg(required_unless_present_any = ["message", "list_checks"], value_name = "FILE")]
    pub files: Vec<OsString>,
    /// Judge as inside this folder: a chroot, or a container's file tree
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Judge as this user, by name or number
    #[arg(long = "as", value_name = "USER")]
    pub user: Option<String>,
    /// An argument of the call, argv[0] first; may be repeated
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub argv: Vec<OsString>,
    /// Ask the kernel too, without running one instruction
    #[arg(long)]
    pub verify: bool,
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
