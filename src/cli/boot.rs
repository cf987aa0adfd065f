//! Arguments of the verbs that make entries last over a reboot, as the user wrote them.

use std::path::PathBuf;

use clap::Args;

use super::fetch::SourceArgs;
use crate::binfmt::export::Format;

/// rbinfmt enable
#[derive(Debug, Args)]
pub struct EnableArgs {
    /// Architectures for the configuration, or `all`; none: what it says already
    #[arg(value_name = "ARCH")]
    pub archs: Vec<String>,
    /// Only write, into the tree of another system below DIR
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
    /// Only print what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Where emulators that are missing come from.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// rbinfmt disable
#[derive(Debug, Args)]
pub struct DisableArgs {
    /// Only remove files, from the tree of another system below DIR
    #[arg(long, value_name = "DIR", default_value = "/", conflicts_with = "persist")]
    pub root: PathBuf,
    /// In a container: the tree of this machine's system below DIR [default: /host]
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = PERSIST)]
    pub persist: Option<PathBuf>,
    /// Only print what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// Where a container has its host's tree, unless something else is said.
pub const PERSIST: &str = "/host";

/// rbinfmt export
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Architectures, or `all`; none: what the configuration says
    #[arg(value_name = "ARCH")]
    pub archs: Vec<String>,
    /// For whom
    #[arg(long, value_enum)]
    pub format: Format,
    /// Write files into DIR
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Leave out flag C
    #[arg(long)]
    pub no_credentials: bool,
}
