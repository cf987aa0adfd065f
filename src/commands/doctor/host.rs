//! `rbinfmt doctor`: the machine itself.

use super::Context;
use super::sink::ReportSink;
use crate::cli::doctor::DoctorArgs;
use crate::doctor::host::Look;
use crate::doctor::host::check;
use crate::doctor::host::facts::HostFacts;
use crate::doctor::snapshot::Snapshot;
use crate::error::Result;
use crate::report::answer::Answer;
use crate::report::host::HostAnswer;

/// Looks at the machine, or at the facts of another one, judges it, and writes what was found.
pub(super) fn run(context: &Context, args: &DoctorArgs, given: Option<&Snapshot>, sink: &mut ReportSink) -> Result<()> {
    let own;
    let facts = match given {
        Some(snapshot) => &snapshot.host,
        None => {
            own = gather(context, args)?;
            &own
        }
    };
    let checks = check::checks(facts, &context.registrar.profiles);
    let entries = facts.table.get().map(|seen| seen.table.entries.len());
    let answer = HostAnswer { checks, entries };
    sink.answer(&answer, answer.status())?;
    sink.findings.extend(answer.findings());
    Ok(())
}

/// The facts of this machine.
pub(super) fn gather(context: &Context, args: &DoctorArgs) -> Result<HostFacts> {
    HostFacts::gather(Look {
        host: &context.registrar.host,
        profiles: &context.registrar.profiles,
        places: &context.registrar.places,
        private: context.registrar.private,
        probe: !args.no_verify,
        engines: !args.no_engines,
    })
}
