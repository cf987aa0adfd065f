//! Parses the command line, runs it, and tells the truth with the exit status.

use std::process::ExitCode;

use clap::Parser;
use rbinfmt::cli::{Cli, is_run, two_dashes};
use rbinfmt::error::Status;
use rbinfmt::report::{Printer, wrong_usage};

fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(two_dashes(std::env::args_os())) {
        Ok(cli) => cli,
        // What was typed may be the name of a file, which is anybody's text.
        Err(error) if error.use_stderr() => {
            let wrong = wrong_usage(&error, std::env::args_os());
            return if is_run(std::env::args_os()) { Status::NotRun } else { wrong }.into();
        }
        Err(help) => help.exit(),
    };
    let status = rbinfmt::commands::run(cli);
    status.unwrap_or_else(|error| Printer::default().error(&error)).into()
}
