//! `rbinfmt doctor --list-checks`: the catalogue, a line for each cause.

use serde::Serialize;

use crate::doctor::catalogue::{self, Cause, CauseId, Form, Group};
use crate::error::{Result, Status};
use crate::report::{self, Printer};

/// Prints one line for each entry.
pub(super) fn list(printer: Printer) -> Result<Status> {
    match printer.json {
        true => printer.value(&catalogue::all().iter().map(Brief::from).collect::<Vec<_>>())?,
        false => report::out(report::explain::list().trim_end())?,
    }
    Ok(Status::Done)
}

/// An entry in one line.
#[derive(Serialize)]
struct Brief {
    id: CauseId,
    group: Group,
    title: &'static str,
    found_by: &'static [Form],
}

impl From<&Cause> for Brief {
    fn from(cause: &Cause) -> Brief {
        Brief { id: cause.id, group: cause.group, title: cause.title(), found_by: cause.found_by.as_slice() }
    }
}
