//! `rbinfmt upgrade`: the newest emulators, tried before they are put to use. And the change of the table that follows
//! the choice of another version.

use super::Context;
use super::fetch;
use super::install::{self, Request};
use crate::cli;
use crate::emulators::{Emulator, From, Use, Wanted, Which};
use crate::error::{Error, Result, Status};
use crate::probe;
use crate::profile::Profile;
use crate::registrar::plan::ways::Keep;
use crate::report::rows::Run;

/// Fetches, tries, switches.
pub fn run(context: &Context, args: &cli::Upgrade) -> Result<Status> {
    let store = context.store()?;
    let current = store.all_current()?;
    let archs = match fetch::wanted(&args.archs, &context.profiles)? {
        Wanted::These(archs) => archs,
        Wanted::All => current.keys().cloned().collect(),
    };
    if archs.is_empty() {
        let why = format!("no fetched emulator is in use in {}", store.root().display());
        return Err(Error::usage("upgrading", why).help("`rbinfmt install all` fetches and registers them"));
    }
    let latest = From::Debian { which: Which::Latest, suite: None };
    let from = fetch::source(&args.source)?.unwrap_or(latest);
    let fetched = fetch::ensure(context, &args.source, &Wanted::These(archs), Some(&from), Use::Never)?;
    let is_new = |e: &&Emulator| current.get(&e.arch).is_none_or(|now| now.id != e.id);
    let new: Vec<&Emulator> = fetched.iter().filter(is_new).collect();
    let Some(first) = new.first() else {
        let version = fetched.first().map_or("", |e| e.version.as_str());
        context.printer.line(format!("QEMU {version} is in use already"))?;
        return Ok(Status::Done);
    };
    let (good, bad) = try_all(context, &new)?;
    for (emulator, why) in &bad {
        context.printer.warn(format!("{} {} stays out of use: {why}", emulator.arch, emulator.version));
    }
    if good.is_empty() {
        return Err(Error::failed(format!("trying QEMU {}", first.version), "none of its emulators works here")
            .help("what was in use stays in use"));
    }
    let archs: Vec<String> = good.iter().map(|e| e.arch.clone()).collect();
    let chosen = store.use_(&store.lock(&crate::progress::Quiet)?, &first.id, &archs)?;
    let old = current
        .values()
        .find(|e| e.id != first.id)
        .map_or_else(String::new, |e| format!("; `rbinfmt emulators use {}` goes back", e.id));
    context.printer.line(format!("QEMU {} is in use for {}{old}", first.version, archs.join(" ")))?;
    let status = reregister(context, &chosen)?;
    Ok(if bad.is_empty() { status } else { Status::Failed })
}

type Tried<'a> = (Vec<&'a Emulator>, Vec<(&'a Emulator, String)>);

/// Runs each emulator on a program of its target, without the kernel's table.
fn try_all<'a>(context: &Context, emulators: &[&'a Emulator]) -> Result<Tried<'a>> {
    let mut tried: Tried = (Vec::new(), Vec::new());
    for emulator in emulators {
        let program = context.profiles.named(&emulator.arch).and_then(|p| p.rules.first()?.probe.clone());
        let Some(program) = program else {
            tried.0.push(emulator);
            continue;
        };
        match probe::run_with(&context.host, &emulator.path, &program)? {
            outcome if outcome.works() => tried.0.push(emulator),
            probe::Outcome::Fails(why) => tried.1.push((emulator, why)),
            probe::Outcome::Unclear(why) => return Err(probe::unclear(&emulator.arch, &why)),
            probe::Outcome::Works { .. } => {}
        }
    }
    Ok(tried)
}

/// Lets the table follow the store: entries of ours that hold another file than the one in use are replaced, without a
/// moment in which a program finds no handler.
pub fn reregister(context: &Context, chosen: &[Emulator]) -> Result<Status> {
    let of = |e: &Emulator| context.profiles.named(&e.arch);
    let (facts, _) = match super::status::look(context, false) {
        Ok(looked) => looked,
        Err(error) => {
            context.printer.note(format!("the table was not looked at ({error}); `rbinfmt install` registers them"));
            return Ok(Status::Done);
        }
    };
    let registered = |p: &&Profile| {
        let ours = |rule: &crate::profile::NamedRule| {
            let same = |e: &&crate::binfmt::entry::Entry| e.rule.same_meaning(&rule.rule);
            facts
                .table
                .entries
                .iter()
                .any(|e| same(&e) && crate::registrar::plan::is_ours(e, &context.profiles, &context.places))
        };
        p.rules.iter().any(ours)
    };
    let profiles: Vec<&Profile> = chosen.iter().filter_map(of).filter(registered).collect();
    if profiles.is_empty() {
        return Ok(Status::Done);
    }
    let request = Request {
        profiles,
        all: false,
        converge: false,
        places: context.places.clone(),
        force: false,
        credentials: !facts.table.entries.iter().any(|e| lacks_credentials(context, e)),
        verify: true,
        supply: None,
        keep: Keep::Auto,
        hold: false,
    };
    let installed = install::install(context, &request)?;
    let run = Run::done(&installed.rows, &context.host.table, installed.held_by);
    run.print(&context.printer, context.printer.verbose)
}

/// `--no-credentials` was asked for once, and is not forgotten with a new version.
fn lacks_credentials(context: &Context, entry: &crate::binfmt::entry::Entry) -> bool {
    use crate::binfmt::entry::Flags;
    crate::registrar::plan::is_ours(entry, &context.profiles, &context.places) && !entry.flags.has(Flags::C)
}
