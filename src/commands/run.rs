//! `rbinfmt run` and `rbinfmt shell`: a program in place of this process.

use std::ffi::OsString;
use std::path::Path;

use super::{Context, fetch_options};
use crate::cli::run::{PlaceArgs, RunArgs, ShellArgs};
use crate::error::{Error, Result, Status};
use crate::report;
use crate::run::{Bind, Emulation, Plan, Request, Way, variable};

/// Runs a program. It returns only where there was none to be run.
pub(super) fn run(context: &Context, args: &RunArgs) -> Result<Status> {
    start(context, args.command.clone(), &args.place)
}

/// Runs a shell.
pub(super) fn shell(context: &Context, args: &ShellArgs) -> Result<Status> {
    let own = std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
    let has = |shell: &&str| args.place.root.as_deref().unwrap_or(Path::new("/")).join(&shell[1..]).exists();
    let of_root = || ["/bin/bash", "/bin/sh"].iter().find(|shell| has(shell)).unwrap_or(&"/bin/sh").into();
    let shell: OsString = if args.place.root.is_some() { of_root() } else { own.unwrap_or_else(of_root) };
    start(context, [shell].into_iter().chain(args.args.iter().cloned()).collect(), &args.place)
}

fn start(context: &Context, command: Vec<OsString>, args: &PlaceArgs) -> Result<Status> {
    started(context, command, args).map_err(Error::before_the_program)
}

fn started(context: &Context, command: Vec<OsString>, args: &PlaceArgs) -> Result<Status> {
    let plan = Plan::make(&context.registrar, &request(command, args)?)?;
    let printer = &context.printer;
    if args.print {
        match printer.json {
            true => printer.value(&report::run::json(&plan))?,
            false => printer.line(report::run::text(&plan).trim_end())?,
        }
        return Ok(Status::Done);
    }
    for (name, option) in &plan.left_out {
        printer.note(format!("{name} is not passed on: QEMU's emulators take it for their option {option}"));
    }
    if let Way::Emulator(obstacle) = &plan.way {
        printer.warn(format!(
            "without a table only the program itself is emulated, and nothing that it starts: {obstacle}"
        ));
        if let Some(help) = obstacle.help_text() {
            printer.note(help);
        }
    }
    if let Some(port) = args.gdb {
        printer.note(format!("gdb-multiarch {} -ex 'target remote :{port}'", plan.path.display()));
    }
    match plan.start(&context.registrar, &|text| printer.warn(text))? {}
}

fn request(command: Vec<OsString>, args: &PlaceArgs) -> Result<Request> {
    Ok(Request {
        command,
        archs: args.archs.clone(),
        root: args.root.clone(),
        binds: args.binds.iter().map(|bind| Bind::parse(bind)).collect::<Result<_>>()?,
        directory: args.workdir.clone(),
        variables: args.variables.iter().map(|text| variable(text)).collect::<Result<_>>()?,
        emulation: Emulation { cpu: args.cpu.clone(), gdb: args.gdb, strace: args.strace, stack: args.stack },
        as_root: args.as_root,
        fetch: fetch_options(&args.source)?,
    })
}
