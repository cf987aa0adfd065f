//! `rbinfmt disable`: undoes `enable` and `install --persist`.

use std::path::Path;

use super::Context;
use crate::boot::{Tree, persist};
use crate::cli::boot::DisableArgs;
use crate::error::{Result, Status};
use crate::registrar::plan::Wanted;
use crate::report::boot as report;
use crate::report::rows::Run;

/// Takes away what was written, and the entries.
pub(super) fn run(context: &Context, args: &DisableArgs) -> Result<Status> {
    let (registrar, printer) = (&context.registrar, &context.printer);
    let host = &registrar.host;
    let root = match &args.persist {
        Some(directory) if !args.dry_run => {
            persist::enter(host, directory)?;
            Path::new("/")
        }
        Some(directory) => directory,
        None => &args.root,
    };
    let tree = Tree::at(root);
    let mut status = Status::Done;
    let mut run = None;
    // In a chroot the table is not that of the system that is disabled.
    if !args.dry_run && (args.persist.is_some() || tree.is_running(host)) {
        printer.warn_of(tree.stop_unit(host));
        match registrar.uninstall(vec![Wanted::All], false) {
            Ok(rows) => {
                let removed = Run::done(&rows, &host.table, None);
                status = removed.print_text(printer)?;
                run = Some(removed);
            }
            Err(error) => status = printer.error(&error),
        }
    }
    let changes = tree.unwrite(!args.dry_run)?;
    if !args.dry_run {
        printer.warn_of(tree.reload_units(host));
    }
    report::print(printer, &changes, run.as_ref(), args.dry_run)?;
    Ok(status)
}
