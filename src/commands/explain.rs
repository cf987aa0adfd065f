//! `rbinfmt explain ID`: an entry of the catalogue.

use crate::doctor::catalogue::{self, Cause, CauseId, Form, Group};
use crate::error::{Error, Result, Status};
use crate::report::{self, Printer};

/// Prints the entry.
pub fn run(printer: Printer, id: &str) -> Result<Status> {
    let cause = catalogue::get(id).ok_or_else(|| unknown(id))?;
    match printer.json {
        true => printer.value(cause)?,
        false => report::out(report::explain::text(cause).trim_end())?,
    }
    Ok(Status::Done)
}

/// Prints one line for each entry.
pub fn list(printer: Printer) -> Result<Status> {
    match printer.json {
        true => printer.value(&catalogue::all().iter().map(Brief::from).collect::<Vec<_>>())?,
        false => report::out(report::explain::list().trim_end())?,
    }
    Ok(Status::Done)
}

/// An entry in one line.
#[derive(serde::Serialize)]
struct Brief {
    id: CauseId,
    group: Group,
    title: &'static str,
    found_by: &'static [Form],
}

impl From<&Cause> for Brief {
    fn from(cause: &Cause) -> Brief {
        Brief { id: cause.id, group: cause.group, title: cause.title, found_by: cause.found_by }
    }
}

fn unknown(id: &str) -> Error {
    const MOST: usize = 3;
    let known = catalogue::all().iter().map(|cause| cause.id.as_str());
    let mut near: Vec<(f64, &str)> = known.clone().map(|known| (strsim::jaro_winkler(id, known), known)).collect();
    near.extend(known.filter(|known| !id.is_empty() && known.contains(id)).map(|known| (1.0, known)));
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut names: Vec<&str> = near.into_iter().map(|(_, id)| id).collect();
    names.dedup();
    names.truncate(MOST);
    Error::usage(format!("explaining {id}"), "the catalogue has no such cause")
        .help(format!("near it are {}; rbinfmt doctor --list-checks names all", names.join(", ")))
}
