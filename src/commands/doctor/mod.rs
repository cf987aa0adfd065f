//! `rbinfmt doctor`: what is wrong, by what it is asked about.

mod file;
mod fix;
mod host;

use super::Context;
use crate::cli::Common;
use crate::cli::doctor::DoctorArgs;
use crate::error::{Result, Status};

/// Judges what the arguments name. `context` is made only where it is needed: files are many, and need neither profiles
/// nor a store.
pub fn run(common: &Common, args: &DoctorArgs, context: impl FnOnce() -> Result<Context>) -> Result<Status> {
    if args.files.is_empty() { host::run(common, &context()?, args) } else { file::run(common, args) }
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
