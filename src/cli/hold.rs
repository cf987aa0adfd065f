//! The arguments of a process that stays.

use std::path::PathBuf;

use clap::Args;

/// Stay, and tell others what is seen.
#[derive(Debug, Args)]
#[command(next_help_heading = "A process that stays")]
pub struct HoldArgs {
    /// Stay, keep the table, and register again what somebody removes
    #[arg(long)]
    pub hold: bool,
    /// Seconds between two looks at the table with --hold
    #[arg(long, value_name = "SECONDS", default_value_t = 5, requires = "hold")]
    pub interval: u16,
    /// Keep FILE up to date with metrics for Prometheus (node_exporter's textfile collector), with --hold
    #[arg(long, value_name = "FILE", requires = "hold")]
    pub metrics_file: Option<PathBuf>,
    /// Keep the file `rbinfmt` in DIR up to date with labels for node-feature-discovery, with --hold
    #[arg(long, value_name = "DIR", requires = "hold")]
    pub nfd_dir: Option<PathBuf>,
}
