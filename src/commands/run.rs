//! `rbinfmt run` and `rbinfmt shell`: a program in place of this process.

use std::ffi::OsString;
use std::path::Path;

use super::{Context, fetch_options};
use crate::cli::run::{PlaceArgs, RunArgs, ShellArgs};
use crate::error::{Error, Result, Status};
use crate::report;
use crate::run::{Bind, Emulation, Plan, Request, Source, Sysroot, variable};

/// Runs a program. It returns only where there was none to be run.
pub(super) fn run(context: &Context, args: &RunArgs) -> Result<Status> {
    start(context, args.command.clone(), &args.place)
}

/// Runs a shell.
pub(super) fn shell(context: &Context, args: &ShellArgs) -> Result<Status> {
    let shells = ["/bin/bash", "/bin/sh"];
    let shell: OsString = match &args.place.root {
        None => match std::env::var_os("SHELL").filter(|shell| !shell.is_empty()) {
            Some(shell) => shell,
            None => shells[1].into(),
        },
        // Links in it may mean something else in there; an image's files are not here yet.
        Some(root) => {
            let has = |shell: &&&str| Path::new(root).join(&shell[1..]).symlink_metadata().is_ok();
            shells.iter().find(has).unwrap_or(&shells[1]).into()
        }
    };
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
    for library in &plan.missing {
        printer.warn(format!(
            "{library} was not found, also not in Debian's stable suite: --sysroot DIR names a directory that has it"
        ));
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
        root: args.root.as_deref().map(Source::parse).transpose()?,
        sysroot: Sysroot::parse(&args.sysroot),
        packages: args.packages.clone(),
        binds: args.binds.iter().map(|bind| Bind::parse(bind)).collect::<Result<_>>()?,
        directory: args.workdir.clone(),
        variables: args.variables.iter().map(|text| variable(text)).collect::<Result<_>>()?,
        emulation: Emulation { cpu: args.cpu.clone(), gdb: args.gdb, strace: args.strace, stack: args.stack },
        as_root: args.as_root,
        keep: args.keep.clone(),
        join: args.join.clone(),
        fetch: fetch_options(&args.source)?,
    })
}
