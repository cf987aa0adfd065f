//! `rbinfmt ps`: the tables that `run --keep` keeps.

use serde_json::json;

use super::Context;
use crate::cli::run::PsArgs;
use crate::error::{Result, Status};
use crate::run::Kept;

/// Lists them, or ends one.
pub(super) fn run(context: &Context, args: &PsArgs) -> Result<Status> {
    let (store, printer) = (context.registrar.store()?, &context.printer);
    if let Some(name) = &args.end {
        Kept::find(&store, name)?.end(&store)?;
        printer.line(format!("ended {name}"))?;
        return Ok(Status::Done);
    }
    let all = Kept::all(&store)?;
    if printer.json {
        let of = |kept: &Kept| json!({ "name": kept.name, "pid": kept.pid, "root": kept.root, "processes": kept.processes() });
        printer.value(&json!({ "schema": 1, "kept": all.iter().map(of).collect::<Vec<_>>() }))?;
        return Ok(Status::Done);
    }
    for kept in &all {
        let root = kept.root.as_ref().map_or_else(|| "/".to_owned(), |root| root.display().to_string());
        printer.line(format!(
            "{}  root {root}, {} processes, kept by {}",
            kept.name,
            kept.processes().len(),
            kept.pid
        ))?;
    }
    Ok(Status::Done)
}
