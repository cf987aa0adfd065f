//! `rbinfmt fetch`: emulators into the store.

use super::{Context, fetch_options};
use crate::cli::fetch::FetchArgs;
use crate::emulators::{Emulator, From, Use, Wanted, Which};
use crate::error::{Result, Status};
use crate::report::progress::size;

/// Fetches, and says what came.
pub(super) fn run(context: &Context, args: &FetchArgs) -> Result<Status> {
    let registrar = &context.registrar;
    let mut options = fetch_options(&args.source)?;
    options.from.get_or_insert(From::Debian { which: Which::Stable, suite: None });
    let use_ = if args.use_ { Use::Always } else { Use::IfNone };
    let fetched = registrar.fetch(&options, &Wanted::named(&args.archs, &registrar.profiles)?, use_)?;
    if context.printer.json {
        context.printer.value(&fetched)?;
    } else {
        report(context, &fetched)?;
    }
    Ok(Status::Done)
}

fn report(context: &Context, fetched: &[Emulator]) -> Result<()> {
    let store = context.registrar.store()?;
    let current = store.all_current()?;
    let Some(first) = fetched.first() else { return Ok(()) };
    let idle = fetched.iter().filter(|e| current.get(&e.arch).is_none_or(|c| c.id != e.id)).count();
    let bytes = fetched.iter().map(|e| e.size).sum();
    let place = store.root().display();
    context.printer.line(format!(
        "QEMU {}: {} emulators, {}, in {place}",
        first.version,
        fetched.len(),
        size(bytes)
    ))?;
    match idle {
        0 => Ok(()),
        _ => context
            .printer
            .line(format!("{idle} of them are not in use: `rbinfmt emulators use {}` changes that", first.id)),
    }
}
