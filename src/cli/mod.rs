//! The command line, and nothing else.

#![allow(rustdoc::broken_intra_doc_links, reason = "clap prints these comments: brackets are those of usage")]

pub mod boot;
pub mod deferred;
pub mod doctor;
pub mod fetch;
pub mod hold;
pub mod run;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use self::boot::{DisableArgs, EnableArgs, ExportArgs, PERSIST};
use self::deferred::Deferred;
use self::doctor::{DoctorArgs, ExplainArgs};
use self::fetch::{EmulatorsArgs, FetchArgs, SourceArgs};
use self::hold::HoldArgs;
use self::run::{PsArgs, RunArgs, ShellArgs};
use crate::registrar::plan::ways::Keep;

/// Runs programs built for another CPU on this machine, and explains why one does not start.
#[derive(Debug, Parser)]
#[command(name = "rbinfmt", disable_version_flag = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Examples:
  rbinfmt install arm64 s390x   register emulators, until the next reboot
  rbinfmt enable arm64 s390x    the same at every boot
  rbinfmt status                the entries, and whether each one works
  rbinfmt doctor                what is wrong with this machine
  rbinfmt doctor ./program      why a program does not start
  rbinfmt uninstall all         remove what rbinfmt registered
  rbinfmt run ./program         run it, without root and without registering anything

Exit status: 0 done or healthy, 1 failed or a problem found, 2 wrong usage, 3 could not be determined.
Without a command it has the options of tonistiigi/binfmt and prints the same JSON.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Print the version
    #[arg(short = 'V')]
    pub print_version: bool,
    /// The options of tonistiigi/binfmt.
    #[command(flatten)]
    pub drop_in: DropIn,
    /// The options of every verb, wherever they were given.
    #[command(flatten)]
    pub common: Common,
}

/// The options of tonistiigi/binfmt, for use without a verb.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of tonistiigi/binfmt")]
pub struct DropIn {
    /// Architectures to install, separated by commas, or `all`
    #[arg(long, value_name = "LIST")]
    pub install: Option<String>,
    /// Architectures, entries or patterns to remove, separated by commas
    #[arg(long, value_name = "LIST")]
    pub uninstall: Option<String>,
    /// Print the versions to standard error
    #[arg(long)]
    pub version: bool,
    /// With --install: also into the host's file tree in DIR, so that the entries return after a reboot [default: /host]
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = PERSIST)]
    #[arg(requires = "install")]
    pub persist: Option<PathBuf>,
}

/// The options of every verb, before it or after it: [`Deferred`] adds them to its own.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Common {
    /// Where binfmt_misc is mounted, or will be
    #[arg(long, value_name = "DIR", default_value = "/proc/sys/fs/binfmt_misc")]
    pub mount: PathBuf,
    /// Read additional profiles from every .toml file in DIR
    #[arg(long, value_name = "DIR")]
    pub profiles: Vec<PathBuf>,
    /// Use the emulators in DIR only
    #[arg(long, value_name = "DIR")]
    pub emulators: Vec<PathBuf>,
    /// In a user namespace: use a table of this namespace alone, which hides the machine's
    #[arg(long)]
    pub private: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Print errors only
    #[arg(short, long)]
    pub quiet: bool,
    /// Also print what needed no change
    #[arg(short, long)]
    pub verbose: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Register emulators with the kernel
    Install(Deferred<InstallArgs>),
    /// Remove entries
    Uninstall(Deferred<UninstallArgs>),
    /// Show the entries, and whether each architecture works
    Status(Deferred<StatusArgs>),
    /// Explain why a file or an image does not run here, or what is wrong with this machine
    Doctor(Deferred<DoctorArgs>),
    /// Explain a cause that `doctor` found
    Explain(Deferred<ExplainArgs>),
    /// List the architectures and their rules
    Profiles(Deferred<ProfilesArgs>),
    /// Fetch emulators and verify them, without registering them
    Fetch(Deferred<FetchArgs>),
    /// List the fetched emulators, choose the version in use, remove versions
    Emulators(Deferred<EmulatorsArgs>),
    /// Fetch the newest emulators, try them, and replace those in use
    Upgrade(Deferred<UpgradeArgs>),
    /// Register emulators now and at every boot
    Enable(Deferred<EnableArgs>),
    /// Undo `enable` and `install --persist`
    Disable(Deferred<DisableArgs>),
    /// Print entries in the format of systemd-binfmt, update-binfmts or NixOS
    Export(Deferred<ExportArgs>),
    /// Run a program with emulation, without root and without touching this machine's table
    Run(Deferred<RunArgs>),
    /// Run a shell with emulation, without root
    Shell(Deferred<ShellArgs>),
    /// List the tables that `run --keep` keeps, or end one
    Ps(Deferred<PsArgs>),
}

/// Register emulators with the kernel.
#[derive(Debug, Args)]
#[command(after_help = "\
The letters that are printed after an entry, such as POCF, are its flags:
  P  the emulator gets the program's original argv[0]
  O  the emulator gets the program as an open file
  C  setuid programs get their owner's rights, as natively; the emulator then has them too
  F  the emulator is opened now, so that it also works in containers and chroots

Examples:
  rbinfmt install arm64                  what `docker run --platform linux/arm64` needs
  rbinfmt install all                    every architecture that this machine does not run natively
  rbinfmt install arm64 --qemu 7.2       with an older QEMU
  rbinfmt install arm64 --dry-run        what would be done")]
pub struct InstallArgs {
    /// Architectures in any usual spelling (arm64, aarch64, linux/arm64 ...) or `all` [default: those in the configuration]
    #[arg(value_name = "ARCH")]
    pub archs: Vec<String>,
    /// The configuration to read if no architecture is named
    #[arg(long, value_name = "FILE", default_value = crate::host::Host::CONFIG)]
    pub config: PathBuf,
    /// Also register what the kernel runs natively, and enable a disabled table
    #[arg(long)]
    pub force: bool,
    /// Do not give setuid programs under emulation their owner's rights (omit flag C)
    #[arg(long)]
    pub no_credentials: bool,
    /// Do not run a program of each architecture to see whether its entry works
    #[arg(long)]
    pub no_verify: bool,
    /// What keeps the table after this process has ended
    #[arg(long, value_enum, default_value_t)]
    pub keep: Keep,
    /// In a container: install into the host's file tree in DIR, so that the entries return after a reboot [default: /host]
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = PERSIST)]
    #[arg(conflicts_with_all = ["hold", "config", "force", "no_verify", "no_credentials"])]
    pub persist: Option<PathBuf>,
    /// Only print what would be done
    #[arg(long, conflicts_with = "hold")]
    pub dry_run: bool,
    /// The options of `--hold`.
    #[command(flatten)]
    pub holding: HoldArgs,
    /// Where missing emulators come from.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// Fetch the newest emulators, try them, and replace those in use.
#[derive(Debug, Args)]
#[command(after_help = "\
Without options: the newest version that any suite of the Debian archive has. An emulator that does not run its probe is \
not used. `rbinfmt emulators use ID` returns to an older version.")]
pub struct UpgradeArgs {
    /// Architectures [default: those that have a fetched emulator in use]
    #[arg(value_name = "ARCH")]
    pub archs: Vec<String>,
    /// Where the emulators come from.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// Remove entries.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbinfmt uninstall all          what rbinfmt registered
  rbinfmt uninstall arm64        the entry for arm64
  rbinfmt uninstall 'qemu-*'     QEMU's entries, whoever registered them

The emulators remain in the store: `rbinfmt emulators` lists them. \
`rbinfmt disable` removes what `rbinfmt enable` wrote.")]
pub struct UninstallArgs {
    /// Architectures, names of entries, patterns ('qemu-*'), or `all` for what rbinfmt registered
    #[arg(value_name = "ARCH|NAME|GLOB", required = true)]
    pub wanted: Vec<String>,
    /// Also remove entries that are neither rbinfmt's nor QEMU's
    #[arg(long)]
    pub force: bool,
    /// Only print what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// Show the entries, and whether each architecture works.
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is changed. `works` means that a program of that architecture has just run through the entry. The letters after an \
entry are its flags: `rbinfmt help install` explains them.")]
pub struct StatusArgs {
    /// Do not run a program of each architecture
    #[arg(long)]
    pub no_verify: bool,
    /// Compare with the configuration FILE, which alone decides the exit status
    #[arg(long, value_name = "FILE", conflicts_with = "no_verify")]
    pub config: Option<PathBuf>,
}

/// List the architectures and their rules.
#[derive(Debug, Args)]
pub struct ProfilesArgs {}

/// Whether a word is a verb after which another program's command line follows, or says that no options follow.
fn is_end(word: &std::ffi::OsStr) -> bool {
    ["run", "shell", "--"].iter().any(|end| word == *end)
}

/// Whether a command line is one of `run` or `shell`, whose exit status is that of a program.
pub fn is_run(args: impl Iterator<Item = std::ffi::OsString>) -> bool {
    args.skip(1).find(|word| is_end(word)).is_some_and(|word| word != "--")
}

/// Go's flag package accepts one dash as well as two, and scripts use both. What is another program's stays as it is.
pub fn two_dashes(args: impl Iterator<Item = std::ffi::OsString>) -> impl Iterator<Item = std::ffi::OsString> {
    const FLAGS: [&str; 4] = ["-install", "-uninstall", "-mount", "-version"];
    let mut ended = false;
    args.map(move |arg| {
        ended |= is_end(&arg);
        let flag = arg.to_str().map(|text| text.split('=').next().unwrap_or(text));
        if !ended && flag.is_some_and(|flag| FLAGS.contains(&flag)) {
            let mut two = std::ffi::OsString::from("-");
            two.push(arg);
            two
        } else {
            arg
        }
    })
}
