//! The arguments of `--hold`.

use std::path::PathBuf;

use clap::Args;

/// Keep running, and publish what is seen.
#[derive(Debug, Args)]
#[command(next_help_heading = "Keep running")]
pub struct HoldArgs {
    /// Keep running: keep the table, and register again what somebody removes
    #[arg(long)]
    pub hold: bool,
    /// Seconds between two checks of the table, with --hold
    #[arg(long, value_name = "SECONDS", default_value_t = 5, requires = "hold")]
    pub interval: u16,
    /// Write metrics for Prometheus (node_exporter's textfile collector) to FILE after every check, with --hold
    #[arg(long, value_name = "FILE", requires = "hold")]
    pub metrics_file: Option<PathBuf>,
    /// Write labels for node-feature-discovery to the file `rbinfmt` in DIR after every check, with --hold
    #[arg(long, value_name = "DIR", requires = "hold")]
    pub nfd_dir: Option<PathBuf>,
}
