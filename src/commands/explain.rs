//! `rbinfmt explain ID`: an entry of the catalogue.

use super::choose_language;
use crate::cli::doctor::ExplainArgs;
use crate::doctor::catalogue;
use crate::error::{Error, Result, Status};
use crate::report::{self, Printer};

/// Prints the entry.
pub(super) fn run(printer: Printer, args: &ExplainArgs) -> Result<Status> {
    choose_language(args.lang, !printer.json);
    let id = &args.id;
    let cause = catalogue::get(id).ok_or_else(|| unknown(id))?;
    match printer.json {
        true => printer.value(cause)?,
        false => report::out(report::explain::text(cause).trim_end())?,
    }
    Ok(Status::Done)
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
        .help(format!("similar are {}; rbinfmt doctor --list-checks lists all", names.join(", ")))
}
