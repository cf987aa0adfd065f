//! `--fix`: the safe fixes of what was found, shown, applied by rbinfmt itself, and looked at from outside.

use std::ffi::OsString;
use std::process::Command;

use crate::cli::Common;
use crate::doctor::catalogue::FixClass;
use crate::doctor::finding::{Finding, Severity};
use crate::error::{Doing, Error, Result, Status};
use crate::proc;
use crate::report;

/// Applies the first safe fix of each finding, then runs this command again without `--fix`: a process of its own sees
/// what everybody sees. `found` is the status to end with where there is nothing to apply.
pub(super) fn apply(common: &Common, findings: &[Finding], found: Status) -> Result<Status> {
    let mut commands: Vec<String> = Vec::new();
    for finding in findings.iter().filter(|f| f.severity != Severity::Note) {
        let safe = finding.fixes().into_iter().find(|fix| fix.class == FixClass::Safe);
        let Some(command) = safe.and_then(|fix| fix.command) else { continue };
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    if commands.is_empty() {
        if found != Status::Done {
            report::complain("--fix: rbinfmt can fix none of this; each help says what to do");
        }
        return Ok(found);
    }
    for command in &commands {
        report::complain(&format!("--fix: {command}"));
        // The catalogue's commands begin with our own name.
        let words = shlex::split(command).filter(|words| words.first().is_some_and(|first| first == "rbinfmt"));
        let Some(words) = words else {
            return Err(Error::failed(format!("applying {command}"), "it is not a command of rbinfmt"));
        };
        let status = own(common, words.into_iter().skip(1).map(OsString::from))?;
        if status != Some(0) {
            report::complain(&format!("--fix: {command} failed"));
        }
    }
    report::complain("--fix: looking again");
    let again = std::env::args_os().skip(1).filter(|arg| arg != "--fix");
    let status = Command::new(proc::own("exe")).args(again).status().doing(|| "looking again after --fix")?;
    Ok(match status.code() {
        Some(0) => Status::Done,
        Some(2) => Status::Usage,
        Some(3) => Status::Unknown,
        _ => Status::Failed,
    })
}

/// Runs rbinfmt with the options that every verb shares.
fn own(common: &Common, words: impl Iterator<Item = OsString>) -> Result<Option<i32>> {
    let mut command = Command::new(proc::own("exe"));
    command.arg("--mount").arg(&common.mount);
    for (option, directories) in [("--profiles", &common.profiles), ("--emulators", &common.emulators)] {
        directories.iter().for_each(|directory| {
            command.arg(option).arg(directory);
        });
    }
    if common.private {
        command.arg("--private");
    }
    // The results that are printed are those of the doctor.
    let stdout = std::io::stderr();
    let status = command.args(words).stdout(stdout).status().doing(|| "running rbinfmt for --fix")?;
    Ok(status.code())
}
