//! rbinfmt emulators: what is in the store, and which of it is in use.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;
use serde_json::json;

use super::{Context, print_followed};
use crate::binfmt::entry::Entry;
use crate::boot::Tree;
use crate::cli::fetch::{EmulatorsArgs, EmulatorsCommand};
use crate::emulators::store::Manifest;
use crate::emulators::{Store, Wanted};
use crate::error::{Error, Result, Status};
use crate::report;
use crate::report::progress::{Stderr, size};
use crate::run;
use crate::text::printable;
use crate::time;

/// Runs the verb.
pub(super) fn run(context: &Context, args: &EmulatorsArgs) -> Result<Status> {
    let store = &context.registrar.store()?;
    let text = match &args.command {
        None if context.printer.json => listed(store)?,
        None => list(store)?,
        Some(EmulatorsCommand::Use { id, archs }) => {
            let lock = store.lock(&Stderr::default())?;
            let manifest = store.find(id)?;
            let archs = match Wanted::named(archs, &context.registrar.profiles)? {
                Wanted::All => Vec::new(),
                Wanted::These(archs) => archs,
            };
            let chosen = store.use_(&lock, &manifest.id, &archs)?;
            let names: Vec<&str> = chosen.iter().map(|e| e.arch.as_str()).collect();
            drop(lock);
            context.printer.line(format!("{} is in use for {}", manifest.id, names.join(" ")))?;
            return print_followed(context, context.registrar.follow(&chosen)?);
        }
        Some(EmulatorsCommand::Remove { id }) => {
            let lock = store.lock(&Stderr::default())?;
            let manifest = store.find(id)?;
            if named(context, store)?.contains(&manifest.id) {
                let why = "an entry of the table, or of those that the next boot makes, runs it";
                return Err(Error::failed(format!("removing {}", manifest.id), why)
                    .help("`rbinfmt upgrade` or `rbinfmt install` lets them follow what is in use"));
            }
            let bytes = store.remove(&lock, &manifest.id)?;
            format!("removed {} ({})\n", manifest.id, size(bytes))
        }
        Some(EmulatorsCommand::Gc) => {
            let lock = store.lock(&Stderr::default())?;
            let swept = store.gc(&lock, &named(context, store)?)?;
            let (roots, bytes) = run::collect(store, &lock)?;
            let what = if swept.versions.is_empty() { "no version".to_owned() } else { swept.versions.join(" ") };
            let roots = if roots == 0 { String::new() } else { format!(", {roots} extracted by `run --root`") };
            format!("removed {what}{roots} and the cache ({})\n", size(swept.bytes + bytes))
        }
        Some(EmulatorsCommand::Path { arch }) => {
            let archs = wanted(context, store, std::slice::from_ref(arch))?;
            let lock = store.lock(&Stderr::default())?;
            let paths = archs.iter().map(|arch| store.stable_path(&lock, arch)).collect::<Result<Vec<_>>>()?;
            lines("", &paths)
        }
        Some(EmulatorsCommand::Link { directory, archs }) => {
            let archs = wanted(context, store, archs)?;
            let links = store.link(&store.lock(&Stderr::default())?, directory, &archs)?;
            lines("made ", &links.done) + &lines("is there: ", &links.left)
        }
        Some(EmulatorsCommand::Unlink { directory }) => {
            let links = store.unlink(&store.lock(&Stderr::default())?, directory)?;
            lines("removed ", &links.done) + &lines("is somebody else's now: ", &links.left)
        }
    };
    context.printer.line(text.trim_end())?;
    Ok(Status::Done)
}

/// QEMU's names of architectures as a user spells them; those in use where none is named.
fn wanted(context: &Context, store: &Store, archs: &[String]) -> Result<Vec<String>> {
    match Wanted::named(archs, &context.registrar.profiles)? {
        Wanted::All => Ok(store.all_current()?.into_keys().collect()),
        Wanted::These(archs) => Ok(archs),
    }
}

/// A line for each path.
fn lines(before: &str, paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("{before}{}\n", path.display())).collect()
}

/// The versions that entries run: those of the table, and those that the next boot makes.
fn named(context: &Context, store: &Store) -> Result<BTreeSet<String>> {
    let mut entries = context.registrar.entries_seen()?;
    entries.extend(Tree::at(Path::new("/")).lines()?.unwrap_or_default());
    let path = |entry: &Entry| entry.interpreter.as_ref()?.to_path().ok().map(Path::to_owned);
    Ok(entries.iter().filter_map(path).filter_map(|path| store.version_of(&path)).collect())
}

/// Which of a version's emulators are in use.
fn in_use(store: &Store, manifest: &Manifest) -> Result<Vec<String>> {
    let current = store.all_current()?;
    Ok(current.into_values().filter(|e| e.id == manifest.id).map(|e| e.arch).collect())
}

fn list(store: &Store) -> Result<String> {
    let versions = store.versions()?;
    if versions.is_empty() {
        return Ok(format!("no emulators in {}: `rbinfmt fetch` brings some\n", store.root().display()));
    }
    let mut text = String::new();
    for manifest in versions {
        let used = in_use(store, &manifest)?;
        let bytes = manifest.emulators.values().map(|e| e.size).sum();
        let used = match used.len() {
            0 => "not in use".to_owned(),
            n if n == manifest.emulators.len() => "in use".to_owned(),
            _ => format!("in use for {}", used.join(" ")),
        };
        text.push_str(&format!(
            "{}\n  QEMU {}, {} emulators, {}, {used}\n  from {}, fetched {}\n  verified by {}\n",
            printable(&manifest.id),
            printable(&manifest.version),
            manifest.emulators.len(),
            size(bytes),
            printable(&manifest.source),
            time::show(manifest.fetched),
            printable(&manifest.verified_by),
        ));
    }
    Ok(text)
}

fn listed(store: &Store) -> Result<String> {
    let versions: Vec<_> = store
        .versions()?
        .into_iter()
        .map(|manifest| in_use(store, &manifest).map(|used| json!({ "version": manifest, "in_use": used })))
        .collect::<Result<_>>()?;
    report::json_pretty(&json!({ "store": store.root(), "versions": versions }))
}
