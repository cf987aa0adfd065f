//! `rbinfmt doctor`: what is wrong, by what it is asked about.

mod file;
mod fix;
mod host;
mod paper;

use super::Context;
use crate::cli::Common;
use crate::cli::doctor::DoctorArgs;
use crate::doctor::snapshot::Snapshot;
use crate::error::{Result, Status};
use crate::exec::facts::ExecFacts;
use crate::report::{self, paste};
use paper::Paper;

/// Judges what the arguments name. `context` is made only where it is needed: files are many, and need neither profiles
/// nor a store.
pub fn run(common: &Common, args: &DoctorArgs, context: impl Fn() -> Result<Context>) -> Result<Status> {
    let given = args.facts.as_deref().map(Snapshot::read).transpose()?;
    let mut paper = Paper { keeps: args.report, ..Paper::default() };
    match args.files.is_empty() {
        true => host::run(&context()?, args, given.as_ref(), &mut paper)?,
        false => file::run(common, args, given.as_ref(), &mut paper)?,
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
