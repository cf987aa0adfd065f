//! Parses the command line, runs it, and tells the truth with the exit status.

use std::process::ExitCode;

use clap::Parser;
use rbinfmt::cli::{Cli, two_dashes};
use rbinfmt::report::Printer;

fn main() -> ExitCode {
    let cli = Cli::parse_from(two_dashes(std::env::args_os()));
    let status = rbinfmt::commands::run(cli);
    status.unwrap_or_else(|error| Printer::default().error(&error)).into()
}
