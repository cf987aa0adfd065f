//! `rbinfmt install`: registers emulators, verifies that they work, and that they will stay.

mod hold;
mod persist;

use super::{Context, fetch_options, print_advice, refresh};
use crate::cli;
use crate::config::Config;
use crate::error::{Result, Status};
use crate::registrar::{Registrar, Request};
use crate::report::rows::Run;

/// Does it and prints what was done.
pub(super) fn run(context: &Context, args: &cli::InstallArgs) -> Result<Status> {
    if let Some(tree) = &args.persist {
        return persist::run(context, args, tree);
    }
    let (registrar, printer) = (&context.registrar, &context.printer);
    let request = request(registrar, args)?;
    if args.dry_run {
        let (_, plan) = registrar.plan_only(&request)?;
        return Run::planned(&plan, &registrar.host.table).print(printer, printer.verbose);
    }
    let installed = registrar.install(&request)?;
    let run = Run::done(&installed.rows, &registrar.host.table, installed.held_by);
    let status = run.print(printer, printer.verbose)?;
    installed.check(&request)?;
    print_advice(printer, &installed);
    let status = status.max(refresh(context, &installed, request.converge)?);
    if args.holding.hold { hold::stay(context, &request, &args.holding, &installed, status) } else { Ok(status) }
}

fn request<'a>(registrar: &'a Registrar, args: &cli::InstallArgs) -> Result<Request<'a>> {
    let mut request = match args.archs.is_empty() {
        true => registrar.configured(&Config::read(&args.config)?)?,
        false => registrar.request(registrar.select(&args.archs)?),
    };
    request.force = args.force;
    request.credentials &= !args.no_credentials;
    request.verify = !args.no_verify;
    (request.keep, request.hold) = (args.keep, args.holding.hold);
    Ok(request.fetching(&fetch_options(&args.source)?))
}
