//! The command line, and nothing else.

pub mod boot;
pub mod deferred;
pub mod doctor;
pub mod fetch;
pub mod hold;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use self::boot::{DisableArgs, EnableArgs, ExportArgs, PERSIST};
use self::deferred::Deferred;
use self::doctor::{DoctorArgs, ExplainArgs};
use self::fetch::{EmulatorsArgs, FetchArgs, SourceArgs};
use self::hold::HoldArgs;
use crate::registrar::plan::ways::Keep;

/// Makes programs built for another CPU run on this machine.
#[derive(Debug, Parser)]
#[command(name = "rbinfmt", disable_version_flag = true, subcommand_negates_reqs = true)]
#[command(
    after_help = "Exit status: 0 done or healthy, 1 failed or a problem found, 2 wrong usage, 3 could not determine.\n\
    Without a command it takes the flags of tonistiigi/binfmt and prints the same JSON."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Print the version
    #[arg(short = 'V')]
    pub print_version: bool,
    /// The flags of tonistiigi/binfmt.
    #[command(flatten)]
    pub drop_in: DropIn,
    /// What goes with every verb.
    #[command(flatten)]
    pub common: Common,
}

/// The flags of tonistiigi/binfmt, for a use without a verb.
#[derive(Debug, Args)]
#[command(next_help_heading = "Flags of tonistiigi/binfmt")]
pub struct DropIn {
    /// Architectures to install, separated by commas, or `all`
    #[arg(long, value_name = "LIST")]
    pub install: Option<String>,
    /// Architectures, entries or patterns to remove, separated by commas
    #[arg(long, value_name = "LIST")]
    pub uninstall: Option<String>,
    /// Print the versions on standard error
    #[arg(long)]
    pub version: bool,
    /// With --install: into the host's system below DIR too, so that it lasts over a reboot [default: /host]
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = PERSIST)]
    #[arg(requires = "install")]
    pub persist: Option<PathBuf>,
}

/// What goes with every verb.
#[derive(Debug, Args)]
#[command(next_help_heading = "With every verb")]
pub struct Common {
    /// Where binfmt_misc is mounted, or is to be
    #[arg(long, global = true, value_name = "DIR", default_value = "/proc/sys/fs/binfmt_misc")]
    pub mount: PathBuf,
    /// More profiles: every .toml file in DIR
    #[arg(long, global = true, value_name = "DIR")]
    pub profiles: Vec<PathBuf>,
    /// Take emulators from DIR alone
    #[arg(long, global = true, value_name = "DIR")]
    pub emulators: Vec<PathBuf>,
    /// In a user namespace: a table for this namespace alone, which hides the machine's
    #[arg(long, global = true)]
    pub private: bool,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print also what needed no change
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Register emulators with the kernel
    Install(Deferred<InstallArgs>),
    /// Remove entries
    Uninstall(Deferred<UninstallArgs>),
    /// Show the table and whether each architecture works
    Status(Deferred<StatusArgs>),
    /// Say what happens when a file is executed here, and why; or what is wrong with this machine
    Doctor(Deferred<DoctorArgs>),
    /// Explain a cause that the doctor named
    Explain(Deferred<ExplainArgs>),
    /// List the architectures and their rules
    Profiles,
    /// Fetch emulators, verify them and keep them
    Fetch(Deferred<FetchArgs>),
    /// List the emulators that were fetched, choose among them, remove them
    Emulators(Deferred<EmulatorsArgs>),
    /// Fetch the newest emulators, try them, and put them to use
    Upgrade(Deferred<UpgradeArgs>),
    /// Register emulators, now and with every boot
    Enable(Deferred<EnableArgs>),
    /// Undo `enable` and `install --persist`
    Disable(Deferred<DisableArgs>),
    /// Print entries as systemd-binfmt, update-binfmts or NixOS keep them
    Export(Deferred<ExportArgs>),
}

/// Register emulators with the kernel.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Architectures by any usual spelling (arm64, aarch64, linux/arm64 ...) or `all`; none: what the configuration says
    #[arg(value_name = "ARCH")]
    pub archs: Vec<String>,
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = crate::host::Host::CONFIG)]
    pub config: PathBuf,
    /// Register also what the kernel runs by itself, and switch the table on
    #[arg(long)]
    pub force: bool,
    /// Do not give setuid programs under emulation their owner's rights (no flag C)
    #[arg(long)]
    pub no_credentials: bool,
    /// Do not run a program of each architecture afterwards
    #[arg(long)]
    pub no_verify: bool,
    /// How the table is kept after this process
    #[arg(long, value_enum, default_value_t)]
    pub keep: Keep,
    /// In a container: install into the host's system below DIR, so that it lasts over a reboot [default: /host]
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = PERSIST)]
    #[arg(conflicts_with_all = ["hold", "config", "force", "no_verify", "no_credentials"])]
    pub persist: Option<PathBuf>,
    /// Only print what would be done
    #[arg(long, conflicts_with = "hold")]
    pub dry_run: bool,
    /// A process that stays.
    #[command(flatten)]
    pub holding: HoldArgs,
    /// Where emulators that are missing come from.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// Fetch the newest emulators, try them, and put them to use.
#[derive(Debug, Args)]
pub struct UpgradeArgs {
    /// Architectures [default: those that have a fetched emulator in use]
    #[arg(value_name = "ARCH")]
    pub archs: Vec<String>,
    /// Where from [default: the newest of the Debian archive].
    #[command(flatten)]
    pub source: SourceArgs,
}

/// Remove entries.
#[derive(Debug, Args)]
pub struct UninstallArgs {
    /// Architectures, names of entries, patterns ('qemu-*'), or `all` for what rbinfmt made
    #[arg(value_name = "ARCH|NAME|GLOB", required = true)]
    pub wanted: Vec<String>,
    /// Remove also what is neither ours nor QEMU's
    #[arg(long)]
    pub force: bool,
    /// Only print what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// Show the table.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Do not run a program of each architecture
    #[arg(long)]
    pub no_verify: bool,
    /// Look for what the configuration FILE asks for: it alone counts for the exit status
    #[arg(long, value_name = "FILE", conflicts_with = "no_verify")]
    pub config: Option<PathBuf>,
}

/// Go's flag package takes one dash as well as two, and scripts use both.
pub fn two_dashes(args: impl Iterator<Item = std::ffi::OsString>) -> impl Iterator<Item = std::ffi::OsString> {
    const FLAGS: [&str; 4] = ["-install", "-uninstall", "-mount", "-version"];
    args.map(|arg| {
        let flag = arg.to_str().map(|text| text.split('=').next().unwrap_or(text));
        if flag.is_some_and(|flag| FLAGS.contains(&flag)) {
            let mut two = std::ffi::OsString::from("-");
            two.push(arg);
            two
        } else {
            arg
        }
    })
}
