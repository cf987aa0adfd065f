//! Thin: parse, run, exit status.

use std::io::{Write, stderr, stdin, stdout};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rbinfmt::commands::doctor::{self, DoctorArgs};
use rbinfmt::error::Status;

/// Makes programs built for another CPU run on this machine, and explains when one does not.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Doctor(DoctorArgs),
}

fn main() -> ExitCode {
    let Verb::Doctor(args) = Cli::parse().verb;
    let result = doctor::run(args, stdin().lock(), stdout().lock());
    match result {
        Ok(status) => status.into(),
        // The reader has seen enough.
        Err(error) if error.errno() == Some(libc::EPIPE) => Status::Done.into(),
        Err(error) => {
            let help = error.help_text().map_or(String::new(), |help| format!("\n{help}"));
            let _ = writeln!(stderr(), "rbinfmt: {error}{help}");
            error.status().into()
        }
    }
}
