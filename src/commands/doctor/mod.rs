//! `rbinfmt doctor`: what is wrong, by what it is asked about.

mod file;
mod fix;
mod host;
mod image;
mod message;
mod paper;

use super::Context;
use crate::cli::Common;
use crate::cli::doctor::DoctorArgs;
use crate::commands::explain;
use crate::doctor::snapshot::Snapshot;
use crate::error::{Result, Status};
use crate::exec::facts::ExecFacts;
use crate::report::{self, Printer, paste};
use paper::Paper;

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
    let mut paper = Paper { keeps: args.report, ..Paper::default() };
    match args.files.is_empty() {
        true => host::run(&context()?, args, given.as_ref(), &mut paper)?,
        false => targets(common, args, given.as_ref(), &mut paper)?,
    }
    let status = paper.status.unwrap_or(Status::Done);
    if args.report {
        let facts = match given {
            Some(facts) => facts,
            None => {
                // The host first: the other facts look into the table's folder, which triggers an automount.
                let host = host::gather(&context()?, args)?;
                Snapshot::new(ExecFacts::gather(&common.mount)?, host)
            }
        };
        report::out(&paste::report(&paper.text, &facts, &paste::Author::own())?)?;
    }
    if args.fix { fix::apply(common, &paper.findings, status) } else { Ok(status) }
}

/// Files and images.
fn targets(common: &Common, args: &DoctorArgs, given: Option<&Snapshot>, paper: &mut Paper) -> Result<()> {
    let (images, mut files): (Vec<_>, Vec<_>) = args.files.iter().partition(|target| image::is_one(target));
    // A word that is no file may be an image of this machine; else what is said of the file stands.
    for target in files.extract_if(.., |target| image::may_be_one(target)).collect::<Vec<_>>() {
        if !image::run_local(common, args, target, given, paper)? {
            file::run(common, args, &[target], given, paper)?;
            if !common.quiet && !common.json {
                report::complain(
                    "note: no engine of this machine has an image of that name; a registry's is docker://NAME",
                );
            }
        }
    }
    if !files.is_empty() {
        file::run(common, args, &files, given, paper)?;
    }
    if !images.is_empty() {
        image::run(common, args, &images, given, paper)?;
    }
    Ok(())
}
