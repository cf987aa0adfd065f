//! `rbinfmt doctor`: the machine itself.

use super::Context;
use crate::cli::doctor::DoctorArgs;
use crate::doctor::host::Look;
use crate::doctor::host::check;
use crate::doctor::host::facts::HostFacts;
use crate::error::{Result, Status};
use crate::report;

/// Looks at the machine, judges it, and prints what was found.
pub(super) fn run(context: &Context, args: &DoctorArgs) -> Result<Status> {
    let facts = HostFacts::gather(Look {
        host: &context.host,
        profiles: &context.profiles,
        places: &context.places,
        private: context.private,
        probe: !args.no_verify,
        engines: !args.no_engines,
    })?;
    let checks = check::checks(&facts, &context.profiles);
    let printer = &context.printer;
    if printer.json {
        printer.value(&report::host::json(&checks, None))?;
    } else {
        printer.line(report::host::text(&checks, printer.verbose))?;
    }
    Ok(check::status(&checks))
}
