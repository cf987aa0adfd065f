//! `rbinfmt doctor`: what is wrong, by what it is asked about.

mod file;
mod fix;
mod host;
mod image;

use super::Context;
use crate::cli::Common;
use crate::cli::doctor::DoctorArgs;
use crate::error::{Result, Status};

/// Judges what the arguments name. `context` is made only where it is needed: files are many, and need neither profiles
/// nor a store.
pub fn run(common: &Common, args: &DoctorArgs, context: impl FnOnce() -> Result<Context>) -> Result<Status> {
    if args.files.is_empty() {
        return host::run(&context()?, args);
    }
    let (images, mut files): (Vec<_>, Vec<_>) = args.files.iter().partition(|target| image::is_one(target));
    let mut worst = Status::Done;
    // A word that is no file may be an image of this machine; else what is said of the file stands.
    for target in files.extract_if(.., |target| image::may_be_one(target)).collect::<Vec<_>>() {
        worst = worse(worst, image::run_or(common, args, target, || file::run(common, args, &[target]))?);
    }
    if !files.is_empty() {
        worst = file::run(common, args, &files)?;
    }
    if !images.is_empty() {
        worst = worse(worst, image::run(common, args, &images)?);
    }
    Ok(worst)
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
