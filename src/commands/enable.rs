//! `rbinfmt enable`: entries that are there after a reboot.

use std::path::{Path, PathBuf};

use bstr::ByteSlice;

use super::{Context, fetch_options, print_enabled};
use crate::boot::{Program, Tree, Wish, entries};
use crate::cli::boot::EnableArgs;
use crate::emulators::find::Places;
use crate::emulators::store::SYSTEM;
use crate::error::{Error, Result, Status};
use crate::host::Host;
use crate::registrar::{Registrar, Request};
use crate::report::boot as report;
use crate::report::rows::Run;

/// Enables, and says what was written.
pub(super) fn run(context: &Context, args: &EnableArgs) -> Result<Status> {
    let tree = Tree::at(&args.root);
    tree.check()?;
    if !tree.is_ours() {
        return elsewhere(context, &tree, args);
    }
    let (registrar, printer) = (&context.registrar, &context.printer);
    let wish = Wish::read(&tree, &args.archs)?;
    let request = registrar.configured(&wish.config)?.fetching(&fetch_options(&args.source)?);
    let program = Program::own(&tree)?;
    if args.dry_run {
        let (facts, plan) = registrar.plan_only(&request)?;
        let run = Run::planned(&plan, &registrar.host.table);
        let files = wish.files(&tree, program, &plan.entries(&facts.table.entries))?;
        let status = run.print_text(printer)?;
        report::print(printer, &tree.compare(&files)?, Some(&run), true)?;
        return Ok(status);
    }
    // What is in the way is found before anything is done.
    tree.compare(&wish.files(&tree, Program::At(Path::new("/").into()), &[])?)?;
    tree.begin()?;
    let installed = or_give_up(&tree, registrar.install(&request))?;
    let run = or_give_up(&tree, print_enabled(context, &request, &installed))?;
    let files = wish.files(&tree, program, &entries(&installed.rows))?;
    let changes = tree.write(&files)?;
    // What fails there is said, but the files are what counts.
    for started in [tree.reload_units(&registrar.host), tree.start_unit(&registrar.host)] {
        printer.warn_of(started);
    }
    report::print(printer, &changes, Some(&run), false)?;
    Ok(Status::Done)
}

/// Another system's tree: nothing is registered, and its emulators are those that it has, or that are fetched into it.
fn elsewhere(context: &Context, tree: &Tree, args: &EnableArgs) -> Result<Status> {
    let (mut registrar, printer) = (context.registrar.clone(), &context.printer);
    let store = tree.real(SYSTEM)?;
    let directories =
        [Host::EMULATORS, Host::BIN].into_iter().map(|directory| tree.real(directory)).collect::<Result<_>>()?;
    registrar.root = tree.real("/")?;
    registrar.places = Places { directories, store: Some(store), root: registrar.root.clone() };
    let wish = Wish::read(tree, &args.archs)?;
    let mut request = registrar.configured(&wish.config)?.fetching(&fetch_options(&args.source)?);
    if !wish.config.emulators.is_empty() {
        let named = wish.config.emulators.iter().map(|directory| tree.real(directory));
        request.places.directories = named.collect::<Result<Vec<PathBuf>>>()?;
    }
    // What stands in the way is found before anything is done.
    tree.compare(&wish.files(tree, Program::At(Path::new("/").into()), &[])?)?;
    if !args.dry_run {
        tree.begin()?;
        or_give_up(tree, supply(&registrar, tree, &request))?;
    }
    let (facts, plan) = registrar.plan_afresh(&request)?;
    let run = Run::planned(&plan, &registrar.host.table);
    if let Some(why) = run.failure() {
        return Err(Error::failed(format!("enabling in {}", args.root.display()), why));
    }
    let mut entries = plan.entries(&facts.table.entries);
    for entry in &mut entries {
        let path = entry.interpreter.as_ref().and_then(|path| tree.inside(path.to_path().ok()?));
        entry.interpreter = path.map(|path| path.into_os_string().into_encoded_bytes().into());
    }
    let files = wish.files(tree, Program::own(tree)?, &entries)?;
    let changes = match args.dry_run {
        true => tree.compare(&files)?,
        false => tree.write(&files)?,
    };
    report::print(printer, &changes, None, args.dry_run)?;
    Ok(Status::Done)
}

/// Fetches what is lacking into the tree's store.
fn supply(registrar: &Registrar, tree: &Tree, request: &Request) -> Result<()> {
    if !registrar.lacks(request)? {
        return Ok(());
    }
    let store = tree.store()?;
    let there = Registrar { store: Some(store.clone()), ..registrar.clone() };
    there.supply(request).map_err(|error| error.naming(store.root(), store.location()))
}

/// A failure that left nothing behind leaves no record either.
fn or_give_up<T>(tree: &Tree, result: Result<T>) -> Result<T> {
    if result.is_err() {
        tree.give_up()?;
    }
    result
}
