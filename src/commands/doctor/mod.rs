//! `rbinfmt doctor`: what is wrong, by what it is asked about.

mod file;
mod fix;
mod host;
mod image;
mod message;
mod paper;

use std::ffi::OsString;

use super::Context;
use crate::cli::Common;
use crate::cli::doctor::DoctorArgs;
use crate::commands::explain;
use crate::doctor::snapshot::Snapshot;
use crate::error::{Result, Status};
use crate::exec::facts::ExecFacts;
use crate::report::{self, Printer, paste};
use image::Named;
use paper::ReportSink;

/// Judges what the arguments name. `context` is made only where it is needed: files are many, and need neither profiles
/// nor a store.
pub fn run(common: &Common, args: &DoctorArgs, context: impl Fn() -> Result<Context>) -> Result<Status> {
    if args.list_checks {
        return explain::list(Printer { json: common.json, ..Printer::default() });
    }
    if let Some(text) = &args.message {
        return message::run(common, text);
    }
    let given = args.facts.as_deref().map(Snapshot::read).transpose()?;
    let mut paper = ReportSink { keeps: args.report, ..ReportSink::default() };
    match args.files.is_empty() {
        true => host::run(&context()?, args, given.as_ref(), &mut paper)?,
        false => targets(common, args, given.as_ref(), &mut paper)?,
    }
    let status = paper.status.unwrap_or(Status::Done);
    if args.report {
        let facts = match given {
            Some(facts) => facts,
            None => {
                // The host first: the other facts look into the table's directory, which triggers an automount.
                let host = host::gather(&context()?, args)?;
                Snapshot::new(ExecFacts::gather(&common.mount)?, host)
            }
        };
        report::out(&paste::report(&paper.text, &facts, &paste::Author::own())?)?;
    }
    if args.fix { fix::apply(common, &paper.findings, status) } else { Ok(status) }
}

/// One after the other, files that follow each other together. A word that is no file may be an image of this machine;
/// else what is said of the file stands.
fn targets(common: &Common, args: &DoctorArgs, given: Option<&Snapshot>, paper: &mut ReportSink) -> Result<()> {
    let is_file = |target: &OsString| image::named(target, args) == Named::File;
    for group in args.files.chunk_by(|a, b| is_file(a) && is_file(b)) {
        let image = |paper: &mut ReportSink| image::run(common, args, group, given, paper);
        match image::named(&group[0], args) {
            Named::File => file::run(common, args, group, given, paper)?,
            Named::Image => image(paper)?,
            Named::Either => match image(paper) {
                Err(error) if error.status() == Status::Unknown => {
                    file::run(common, args, group, given, paper)?;
                    let help = "no engine of this machine has an image of that name either";
                    if !common.quiet && !common.json {
                        report::complain(&format!("note: {help}; a registry's is docker://NAME"));
                    }
                }
                result => result?,
            },
        }
    }
    Ok(())
}
