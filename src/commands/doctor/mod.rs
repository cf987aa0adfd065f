//! `rbinfmt doctor`: what is wrong, by what it is asked about.

mod checks;
mod file;
mod fix;
mod host;
mod image;
mod message;
mod sink;

use std::ffi::OsString;

use super::{Context, choose_language};
use crate::cli::Common;
use crate::cli::doctor::{DoctorArgs, Format};
use crate::doctor::snapshot::Snapshot;
use crate::error::{Error, Result, Status};
use crate::exec::facts::ExecFacts;
use crate::report::{self, Printer, paste};
use image::Named;
use sink::{Destination, ReportSink};

/// Judges what the arguments name. `context` is made only where it is needed: files are many, and need neither profiles
/// nor a store.
pub(super) fn run(common: &Common, args: &DoctorArgs, context: impl Fn() -> Result<Context>) -> Result<Status> {
    let format = if common.json { Format::Json } else { args.format };
    choose_language(args.lang, format == Format::Text);
    if args.list_checks {
        return checks::list(Printer { json: format == Format::Json, ..Printer::default() });
    }
    let printer = Printer { quiet: common.quiet, verbose: common.verbose, json: common.json };
    let to = if args.report { Destination::Report } else { Destination::Output };
    let mut sink = ReportSink::new(printer, format, to);
    if let Some(text) = &args.message {
        return message::run(common, text, &mut sink);
    }
    let given = args.facts.as_deref().map(Snapshot::read).transpose()?;
    match args.files.is_empty() {
        true => host::run(&context()?, args, given.as_ref(), &mut sink)?,
        false => targets(common, args, given.as_ref(), &mut sink)?,
    }
    sink.end()?;
    let status = sink.status.unwrap_or(Status::Done);
    if args.report {
        let facts = match given {
            Some(facts) => facts,
            None => {
                // The host first: the other facts look into the table's directory, which triggers an automount.
                let host = host::gather(&context()?, args)?;
                Snapshot::new(ExecFacts::gather(&common.mount), host)
            }
        };
        report::out(&paste::report(&sink.text, &facts, &paste::Author::own())?)?;
    }
    if args.fix { fix::apply(common, &sink.findings, status) } else { Ok(status) }
}

/// One after the other, files that follow each other together. A word that is not a file may be an image of this machine;
/// else what is said of the file stands.
fn targets(common: &Common, args: &DoctorArgs, given: Option<&Snapshot>, sink: &mut ReportSink) -> Result<()> {
    let is_file = |target: &OsString| image::named(target, args) == Named::File;
    for group in args.files.chunk_by(|a, b| is_file(a) && is_file(b)) {
        let image = |sink: &mut ReportSink| image::run(common, args, group, given, sink);
        match image::named(&group[0], args) {
            Named::File => file::run(common, args, group, given, sink)?,
            Named::Image => image(sink).map_err(unseen)?,
            Named::Either => match image(sink) {
                Err(error) if error.status() == Status::Unknown => {
                    file::run(common, args, group, given, sink)?;
                    let help = "no engine of this machine has an image of that name either";
                    if !common.quiet && !common.json && args.format == Format::Text {
                        report::complain(&format!("note: {help}; a registry's is docker://NAME"));
                    }
                }
                result => result.map_err(unseen)?,
            },
        }
    }
    Ok(())
}

/// An image that cannot be read: 1 would say that something was found in it.
fn unseen(error: Error) -> Error {
    match error.status() {
        Status::Failed => error.with_status(Status::Unknown),
        _ => error,
    }
}
