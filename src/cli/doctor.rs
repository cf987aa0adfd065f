//! The arguments of `rbinfmt doctor`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Explains what execve(2) does with files, or with what container images start; without a file, what is wrong with this
/// machine.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Nothing that is examined is executed.

Examples:
  rbinfmt doctor                                  this machine
  rbinfmt doctor ./program                        why it does not start
  rbinfmt doctor alpine:latest                    an image in Docker, Podman or its registry
  rbinfmt doctor --root /srv/arm64 /bin/sh        a program in a chroot
  docker logs web 2>&1 | rbinfmt doctor --message -
  rbinfmt doctor --report >report.md              for an issue")]
pub struct DoctorArgs {
    /// Files; `-` reads a list, one name per line, from standard input. Images: docker-daemon:REF,
    /// docker-archive:FILE[:REF], oci:DIR[:TAG], oci-archive:FILE[:TAG], docker://REF, containers-storage:REF, or REF
    /// [default: this machine]
    #[arg(value_name = "FILE|IMAGE")]
    pub files: Vec<OsString>,
    /// Judge as if DIR were the root directory: a chroot, or a container's file tree
    #[arg(long, value_name = "DIR", requires = "files")]
    pub root: Option<PathBuf>,
    /// Judge as this user, by name or number
    #[arg(long = "as", value_name = "USER", requires = "files")]
    pub user: Option<String>,
    /// An argument of the program, argv[0] first; can be repeated
    #[arg(long, value_name = "ARG", allow_hyphen_values = true, requires = "files")]
    pub argv: Vec<OsString>,
    /// Also ask the kernel, without executing an instruction of the program; of an image, verify every layer
    #[arg(long, requires = "files")]
    pub verify: bool,
    /// Examine only this platform of an image: linux/arm64, linux/arm/v7 ...
    #[arg(long, value_name = "PLATFORM", requires = "files")]
    pub platform: Option<String>,
    /// Apply the safe fixes (commands of rbinfmt, which can be undone), then examine again
    #[arg(long)]
    pub fix: bool,
    /// Print a report for an issue: what was found, and the facts of this machine, without home directories, the machine's
    /// name and secrets
    #[arg(long, conflicts_with_all = ["json", "fix"])]
    pub report: bool,
    /// Judge with the facts in another machine's report; `-` reads it from standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fix", "verify"])]
    pub facts: Option<PathBuf>,
    /// Of this machine: do not run a program of each architecture
    #[arg(long)]
    pub no_verify: bool,
    /// Of this machine: do not ask container engines
    #[arg(long)]
    pub no_engines: bool,
    /// Name the causes of an error message, whichever program printed it; `-` reads it from standard input
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["files", "root", "user", "argv", "verify"], allow_hyphen_values = true)]
    pub message: Option<OsString>,
    /// List the known causes
    #[arg(long, conflicts_with_all = ["files", "message"])]
    pub list_checks: bool,
    /// Print text, JSON, annotations of GitHub, or SARIF 2.1.0
    #[arg(long, value_enum, default_value_t, conflicts_with_all = ["json", "report"])]
    pub format: Format,
    /// Of an image: only these decide the exit status, separated by commas
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',', requires = "files")]
    pub fail_on: Vec<FailOn>,
    /// The language of causes and fixes [default: that of the locale for text, else en]
    #[arg(long, value_enum, value_name = "LANG")]
    pub lang: Option<Lang>,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One object for each thing that was asked about
    Json,
    /// Workflow commands, which annotate files
    Github,
    /// One document, for code scanning
    Sarif,
}

/// What makes an image fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// It claims another CPU than that of its programs
    Lies,
    /// One of its platforms runs under emulation here
    Emulated,
    /// It has programs for a CPU that it does not claim
    Foreign,
}

/// A language of the doctor's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// English
    En,
    /// Chinese
    Zh,
}

/// Explains a cause that `doctor` found.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// The id of the cause, which `doctor` prints in brackets
    #[arg(value_name = "ID")]
    pub id: String,
    /// The language of the text [default: that of the locale]
    #[arg(long, value_enum, value_name = "LANG")]
    pub lang: Option<Lang>,
}
