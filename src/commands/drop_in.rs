//! Without a verb: the command line, the environment, the JSON and the texts of tonistiigi/binfmt, so that what calls
//! it (docker/setup-qemu-action among others) can call us; but the exit status is true.

use std::collections::BTreeSet;
use std::env;
use std::path::Path;

use serde::Serialize;

use super::{Context, print_advice};
use crate::architecture::BUILDKIT;
use crate::boot::persist::{COMES_BACK, Move};
use crate::cli::DropIn;
use crate::emulators::find::Places;
use crate::error::{Error, Result, Status};
use crate::host::Identity;
use crate::registrar::apply::State;
use crate::registrar::health;
use crate::registrar::plan::Skip;
use crate::registrar::{HeldBy, Installed, Request, Selection};
use crate::report::complain;
use crate::report::rows;
use crate::trust;

/// What is printed at the end.
#[derive(Serialize)]
struct Supported {
    supported: Vec<String>,
    emulators: Vec<String>,
}

/// Uninstalls, installs, and prints what runs now, in this order.
pub(super) fn run(context: &mut Context, args: &DropIn) -> Result<Status> {
    read_environment(context)?;
    if args.version {
        complain(&version(context));
        return Ok(Status::Done);
    }
    // Both lists are read before anything is changed.
    let removals =
        args.uninstall.as_ref().map(|list| context.registrar.removals(std::slice::from_ref(list))).transpose()?;
    let additions = args.install.as_ref().map(|list| select(context, list)).transpose()?;
    let mut status = Status::Done;
    if let Some(wanted) = removals {
        status = status.max(remove(context, wanted)?);
    }
    if let (Some(list), Some(directory)) = (&args.install, &args.persist) {
        status = status.max(persist(context, list, directory)?);
    } else if let Some(selection) = additions {
        let (added, installed) = add(context, &context.registrar.request(selection))?;
        status = status.max(added);
        if let Some(installed) = installed {
            print_advice(&context.printer, &installed);
            foretell(context, installed.held_by);
        }
    }
    let (facts, _) = context.registrar.look(true)?;
    let running = health::platforms(&context.registrar.profiles, &facts);
    let enabled = facts.table.entries.iter().filter(|e| e.enabled).map(|e| e.name.to_string());
    let emulators: BTreeSet<String> = enabled.collect();
    let state = Supported { supported: in_order(running), emulators: emulators.into_iter().collect() };
    context.printer.value(&state)?;
    Ok(status)
}

fn select<'a>(context: &'a Context, list: &str) -> Result<Selection<'a>> {
    let unknown =
        |name: &&str| !name.is_empty() && *name != "all" && context.registrar.profiles.spelled(name).is_none();
    context.registrar.select(&[list.to_owned()]).map_err(|error| {
        let name = list.split(',').map(str::trim).find(unknown).unwrap_or(list);
        let help = error.help_text().unwrap_or_default().to_owned();
        Error::usage("unsupported architecture", name).help(format!("{help}; nothing was changed"))
    })
}

fn read_environment(context: &mut Context) -> Result<()> {
    let text = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(directory) = text("QEMU_BINARY_PATH") {
        context.registrar.places = Places::named(&[directory.into()]);
    }
    if let Some(prefix) = text("QEMU_BINARY_PREFIX") {
        if prefix.contains('/') {
            return Err(Error::usage("reading QEMU_BINARY_PREFIX", format!("{prefix:?} contains a slash")));
        }
        context.registrar.prefix = prefix;
    }
    // QEMU_PRESERVE_ARGV0 asks for flag P, which is tried in any case.
    Ok(())
}

fn remove(context: &Context, wanted: Vec<crate::registrar::plan::Wanted>) -> Result<Status> {
    let mut status = Status::Done;
    for row in context.registrar.uninstall(wanted, false)? {
        let what = match &row.state {
            State::Skipped(Skip::NotFound) => "not found".to_owned(),
            State::Skipped(skip) => rows::explain(skip),
            State::Failed(why) => {
                status = Status::Failed;
                why.clone()
            }
            _ => "OK".to_owned(),
        };
        complain(&format!("uninstalling: {} {what}", row.item.name));
    }
    Ok(status)
}

/// Into the system of this container's host.
fn persist(context: &mut Context, list: &str, directory: &Path) -> Result<Status> {
    let move_in = Move::prepare(&mut context.registrar, directory, &[list.to_owned()], None)?;
    let (status, installed) = add(context, &move_in.request(&context.registrar)?)?;
    let (Status::Done, Some(installed)) = (status, installed) else {
        let why = "not all of it could be registered now, so it was not written down for the next boot";
        return Err(Error::failed("installing on the host", why));
    };
    for change in move_in.write(&installed)? {
        complain(&format!("persisting: {}", crate::report::boot::text(&change, false)));
    }
    context.printer.note(COMES_BACK);
    Ok(status)
}

/// What keeps the entries, and what ends them.
fn foretell(context: &Context, held_by: Option<HeldBy>) {
    let Some(held_by) = held_by else { return };
    complain(held_by.describe());
    let identity = Identity::own(&context.registrar.host);
    let enabled = identity.on_host() && Path::new(crate::boot::LINES).exists();
    if !identity.first_user_namespace || identity.in_pod || enabled {
        return;
    }
    context.printer.note(if identity.on_host() {
        "a reboot ends them; `rbinfmt enable` brings them back with every boot"
    } else {
        "a reboot ends them; with `-v /:/host` before the image and --persist after it they return at every boot"
    });
}

fn add(context: &Context, request: &Request) -> Result<(Status, Option<Installed>)> {
    let installed = match context.registrar.install(request) {
        Ok(installed) => installed,
        // What is registered can be shown all the same, unless the table is out of reach.
        Err(error) if error.status() == Status::Failed => return Ok((context.printer.error(&error), None)),
        Err(error) => return Err(error),
    };
    let mut status = Status::Done;
    for row in &installed.rows {
        let what = match &row.state {
            State::Kept => format!("{} already registered", row.item.name),
            State::Skipped(Skip::NoEmulator(_)) if request.selection.all => continue,
            State::Skipped(Skip::Native) if request.selection.all => continue,
            State::Removed => continue,
            State::Skipped(skip) => rows::explain(skip),
            State::Failed(why) => {
                status = Status::Failed;
                why.clone()
            }
            _ => "OK".to_owned(),
        };
        complain(&format!("installing: {} {what}", row.item.label));
    }
    if let Err(error) = installed.check(request) {
        status = context.printer.error(&error);
    }
    Ok((status, Some(installed)))
}

/// The machine's own platforms, then the others in BuildKit's order; what BuildKit does not know is left out.
fn in_order(running: Vec<String>) -> Vec<String> {
    let Some(own) = running.first().cloned() else { return running };
    let is_own = |platform: &&String| **platform == own || platform.starts_with(&format!("{own}/"));
    let others = BUILDKIT.iter().filter(|listed| running.iter().any(|p| p == *listed && !is_own(&p)));
    running.iter().filter(is_own).cloned().chain(others.map(|p| (*p).to_owned())).collect()
}

fn version(context: &Context) -> String {
    let own = env!("CARGO_PKG_VERSION");
    match qemu_version(context) {
        Some(qemu) => format!("binfmt/{own} qemu/v{qemu} rbinfmt/{own}"),
        None => format!("binfmt/{own} rbinfmt/{own}"),
    }
}

/// What the first emulator that is found says of itself.
fn qemu_version(context: &Context) -> Option<String> {
    let own = crate::registrar::facts::own_target().ok()?;
    let emulated: Vec<_> = context.registrar.profiles.iter().filter(|p| p.is_emulated()).collect();
    let emulator = context
        .registrar
        .places
        .find_all(&emulated, &context.registrar.prefix, own)
        .ok()?
        .into_values()
        .find(|e| e.problem.is_none())?;
    let program: &Path = &emulator.path;
    // Nothing that others may have written is run as root.
    trust::require("asking an emulator for its version", program).ok()?;
    let said = std::process::Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    text.split_whitespace().skip_while(|word| *word != "version").nth(1).map(str::to_owned)
}
