//! `rbinfmt install --persist`: from a container into the system of its host, for now and for the next boot.

use std::path::Path;

use crate::boot::persist::{COMES_BACK, Move, check};
use crate::boot::{Program, Wish};
use crate::cli;
use crate::commands::{Context, fetch_options, print_enabled};
use crate::error::{Result, Status};
use crate::report::boot as report;
use crate::report::rows::Run;

/// Installs, and says what was written.
pub(super) fn run(context: &Context, args: &cli::InstallArgs, directory: &Path) -> Result<Status> {
    let printer = &context.printer;
    let mut registrar = context.registrar.clone();
    let tree = check(&registrar.host, directory)?;
    let wish = Wish::read(&tree, &args.archs)?;
    let options = fetch_options(&args.source)?;
    if args.dry_run {
        let request = registrar.configured(&wish.config)?.fetching(&options);
        let (_, plan) = registrar.plan_only(&request)?;
        let files = wish.files(&tree, Program::own(&tree)?, &[])?;
        report::print(printer, &tree.compare(&files)?, None, true)?;
        return Run::planned(&plan, &registrar.host.table).print_text(printer);
    }
    let fetch = (registrar.places.store.is_some() || options.from.is_some()).then_some(&options);
    let move_in = Move::prepare(&mut registrar, directory, &args.archs, fetch)?;
    let request = move_in.request(&registrar)?;
    let installed = registrar.install(&request)?;
    let run = print_enabled(context, &request, &installed)?;
    let changes = move_in.write(&installed)?;
    report::print(printer, &changes, Some(&run), false)?;
    printer.note(COMES_BACK);
    Ok(Status::Done)
}
