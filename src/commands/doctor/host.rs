//! `rbinfmt doctor`: the machine itself.

use super::{Context, fix};
use crate::cli::Common;
use crate::cli::doctor::DoctorArgs;
use crate::doctor::finding::Finding;
use crate::doctor::host::Look;
use crate::doctor::host::check::{self, Check};
use crate::doctor::host::facts::HostFacts;
use crate::error::{Result, Status};
use crate::report;

/// Looks at the machine, judges it, and prints what was found.
pub(super) fn run(common: &Common, context: &Context, args: &DoctorArgs) -> Result<Status> {
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
    let status = check::status(&checks);
    if !args.fix {
        return Ok(status);
    }
    let findings: Vec<Finding> = checks.iter().flat_map(Check::findings).cloned().collect();
    fix::apply(common, &findings, status)
}
