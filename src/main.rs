//! Thin.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use rbinfmt::cli_fetch::{EmulatorsArgs, FetchArgs};
use rbinfmt::commands;
use rbinfmt::profile::Profiles;

#[derive(Parser)]
#[command(version, about)]
enum Verb {
    /// Fetch emulators, prove them, keep them
    Fetch(FetchArgs),
    /// List the emulators, choose among them, remove them
    Emulators(EmulatorsArgs),
}

fn main() -> ExitCode {
    let verb = Verb::parse();
    let mut out = std::io::stdout().lock();
    let done = Profiles::load(&[]).and_then(|profiles| match verb {
        Verb::Fetch(args) => commands::fetch::run(&args, &profiles, &mut out),
        Verb::Emulators(args) => commands::emulators::run(&args, &profiles, &mut out),
    });
    done.unwrap_or_else(|error| {
        let mut err = std::io::stderr().lock();
        let help = error.help_text().map(|help| format!("help: {help}\n")).unwrap_or_default();
        // Nobody is left to be told when standard error is gone.
        let _ = write!(err, "error: {error}\n{help}");
        error.status()
    })
    .into()
}
