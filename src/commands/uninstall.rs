//! `rbinfmt uninstall`: removes entries.

use super::Context;
use crate::cli;
use crate::error::{Result, Status};
use crate::report::rows::Run;

/// Does it and prints what was done.
pub(super) fn run(context: &Context, args: &cli::UninstallArgs) -> Result<Status> {
    let registrar = &context.registrar;
    let wanted = registrar.removals(&args.wanted)?;
    let table = &registrar.host.table;
    let run = match args.dry_run {
        true => Run::planned(&registrar.plan_uninstall(wanted, args.force)?, table),
        false => Run::done(&registrar.uninstall(wanted, args.force)?, table, None),
    };
    run.print(&context.printer, true)
}
