//! `rbinfmt doctor`: what is wrong, by what it is asked about.

mod file;
mod message;

use crate::cli::Common;
use crate::cli::doctor::DoctorArgs;
use crate::commands::explain;
use crate::error::{Result, Status};
use crate::report::Printer;

/// Judges what the arguments name.
pub fn run(common: &Common, args: &DoctorArgs) -> Result<Status> {
    if args.list_checks {
        return explain::list(Printer { json: common.json, ..Printer::default() });
    }
    match &args.message {
        Some(text) => message::run(common, text),
        None => file::run(common, args),
    }
}

/// A problem that was found is worse than something that could not be judged.
fn worse(a: Status, b: Status) -> Status {
    let weight = |s: Status| match s {
        Status::Done => 0,
        Status::Unknown => 1,
        Status::Usage => 2,
        Status::Failed => 3,
    };
    if weight(b) > weight(a) { b } else { a }
}
