//! What was written for the next boot, or removed.

use std::path::Path;

use serde::Serialize;

use super::Printer;
use super::rows::Run;
use crate::boot::{Action, Change};
use crate::error::Result;

/// Version of the JSON.
const SCHEMA: u32 = 1;

/// The result of `enable`, `disable` and `install --persist`.
#[derive(Debug, Serialize)]
pub struct Files<'a> {
    schema: u32,
    dry_run: bool,
    files: &'a [Change],
    /// What was done to the table; `null` where it was not touched.
    table: Option<&'a Run>,
}

/// Prints both results as one.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(printer: &Printer, changes: &[Change], run: Option<&Run>, dry_run: bool) -> Result<()> {
    if printer.json {
        return printer.value(&Files { schema: SCHEMA, dry_run, files: changes, table: run });
    }
    for change in changes {
        printer.line(text(change, dry_run))?;
    }
    if changes.is_empty() { printer.line("nothing was written here") } else { Ok(()) }
}

/// A line for people.
pub fn text(change: &Change, dry_run: bool) -> String {
    let verb = match (change.action, dry_run) {
        (Action::Write, false) => "wrote",
        (Action::Write, true) => "would write",
        (Action::Keep, _) => "kept",
        (Action::Remove, false) => "removed",
        (Action::Remove, true) => "would remove",
        (Action::Leave, _) => "left",
    };
    let why =
        if change.action == Action::Leave { " (it has more in it than was written by rbinfmt enable)" } else { "" };
    format!("{verb} {}{why}", Path::display(&change.path))
}
