//! Arguments of the verbs that make entries return after a reboot, as the user wrote them.

use std::path::PathBuf;

use clap::Args;

use super::fetch::SourceArgs;
use crate::binfmt::export::Format;

/// rbinfmt enable
#[derive(Debug, Args)]
#[command(after_help = "\
Every file that is written is listed; `rbinfmt disable` removes them. Nothing is fetched at boot.

Examples:
  rbinfmt enable arm64 s390x             now and at every boot
  rbinfmt enable                         what /etc/rbinfmt/config.toml lists
  rbinfmt enable arm64 --root /mnt       in the file tree of another system")]
pub struct EnableArgs {
    /// Architectures to write to the configuration, or `all` [default: those that it lists already]
    #[arg(value_name = "ARCH")]
    pub archs: Vec<String>,
    /// Only write files, into the file tree of another system in DIR
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
    /// Only print what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Where missing emulators come from.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// rbinfmt disable
#[derive(Debug, Args)]
pub struct DisableArgs {
    /// Only remove files, from the file tree of another system in DIR
    #[arg(long, value_name = "DIR", default_value = "/", conflicts_with = "persist")]
    pub root: PathBuf,
    /// In a container: from the host's file tree in DIR [default: /host]
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = PERSIST)]
    pub persist: Option<PathBuf>,
    /// Only print what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// Where a container has its host's file tree, unless told otherwise.
pub const PERSIST: &str = "/host";

/// rbinfmt export
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Architectures, or `all` [default: those in the configuration]
    #[arg(value_name = "ARCH")]
    pub archs: Vec<String>,
    /// The format
    #[arg(long, value_enum)]
    pub format: Format,
    /// Write files into DIR instead of printing them
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Omit flag C
    #[arg(long)]
    pub no_credentials: bool,
}
