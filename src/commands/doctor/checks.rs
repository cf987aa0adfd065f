//! `rbinfmt doctor --list-checks`: the catalogue, a line for each cause.

use serde::Serialize;

use crate::doctor::catalogue::{CATALOGUE, Cause, Form, Group};
use crate::error::{Result, Status};
use crate::report::{self, Printer};

/// Prints one line for each entry.
pub(super) fn list(printer: Printer) -> Result<Status> {
    match printer.json {
        true => printer.value(&CATALOGUE.iter().map(Brief::from).collect::<Vec<_>>())?,
        false => report::out(report::explain::list().trim_end())?,
    }
    Ok(Status::Done)
}

/// An entry in one line.
#[derive(Serialize)]
struct Brief<'c> {
    id: &'c str,
    group: Group,
    title: &'c str,
    found_by: &'c [Form],
}

impl<'c> From<&'c Cause> for Brief<'c> {
    fn from(cause: &'c Cause) -> Brief<'c> {
        Brief { id: &cause.id, group: cause.group, title: &cause.title, found_by: &cause.found_by }
    }
}
