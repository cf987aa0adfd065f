//! `rbinfmt upgrade`: the newest emulators, tried before they are used.

use super::{Context, fetch_options, print_followed};
use crate::cli;
use crate::emulators::{Emulator, From, Use, Wanted, Which};
use crate::error::{Error, Result, Status};
use crate::progress::Quiet;

/// Fetches, tries, switches.
pub(super) fn run(context: &Context, args: &cli::UpgradeArgs) -> Result<Status> {
    let (registrar, printer) = (&context.registrar, &context.printer);
    let store = registrar.store()?;
    let current = store.all_current()?;
    let archs = match Wanted::named(&args.archs, &registrar.profiles)? {
        Wanted::These(archs) => archs,
        Wanted::All => current.keys().cloned().collect(),
    };
    if archs.is_empty() {
        let why = format!("no fetched emulator is in use in {}", store.root().display());
        return Err(Error::usage("upgrading", why).help("`rbinfmt install all` fetches and registers them"));
    }
    let mut options = fetch_options(&args.source)?;
    options.from.get_or_insert(From::Debian { which: Which::Latest, suite: None });
    let fetched = registrar.fetch(&options, &Wanted::These(archs), Use::Never)?;
    let is_new = |e: &&Emulator| current.get(&e.arch).is_none_or(|now| now.id != e.id);
    let new: Vec<&Emulator> = fetched.iter().filter(is_new).collect();
    let Some(first) = new.first() else {
        let version = fetched.first().map_or("", |e| e.version.as_str());
        printer.line(format!("QEMU {version} is in use already"))?;
        // A run that was interrupted had chosen it, and perhaps not registered it yet.
        return print_followed(context, registrar.follow(&fetched)?);
    };
    let tried = registrar.try_all(&new)?;
    for (emulator, why) in &tried.bad {
        printer.warn(format!("{} {} is not used: {why}", emulator.arch, emulator.version));
    }
    if tried.good.is_empty() {
        return Err(Error::failed(format!("trying QEMU {}", first.version), "none of its emulators works here")
            .help("what was in use is still in use"));
    }
    let archs: Vec<String> = tried.good.iter().map(|e| e.arch.clone()).collect();
    // What was fetched may have been collected by another process meanwhile: that is not the user's mistake.
    let chosen = store.use_(&store.lock(&Quiet)?, &first.id, &archs).map_err(|e| e.with_status(Status::Failed))?;
    let old = current
        .values()
        .find(|e| e.id != first.id)
        .map_or_else(String::new, |e| format!("; `rbinfmt emulators use {}` returns to it", e.id));
    printer.line(format!("QEMU {} is in use for {}{old}", first.version, archs.join(" ")))?;
    let status = print_followed(context, registrar.follow(&chosen)?)?;
    Ok(if tried.bad.is_empty() { status } else { Status::Failed })
}
