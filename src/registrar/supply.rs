//! What an installation lacks, fetched; and what running emulators has shown of them, noted in the store.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bstr::ByteSlice;

use super::apply::{Row, State};
use super::plan::Plan;
use super::{Advice, Registrar, Request, facts};
use crate::binfmt::entry::Flags;
use crate::emulators::find::Found;
use crate::emulators::{Emulator, FetchEnv, FetchOptions, Store, Use, Wanted, known_bad};
use crate::error::Result;
use crate::kernel::Kernel;
use crate::probe::Outcome;
use crate::profile::{Kind, Profile};
use crate::progress::Quiet;

impl Registrar {
    /// The wanted emulators, from the store or fetched into it.
    ///
    /// # Errors
    /// Where the source cannot be reached, or what comes from it is not what was expected.
    pub fn fetch(&self, options: &FetchOptions, wanted: &Wanted, use_: Use) -> Result<Vec<Emulator>> {
        let env = FetchEnv::of_process(self.store()?, PathBuf::from("/"), options)?;
        let fetched = env.fetcher(options, &*self.progress).ensure(wanted, options.from.as_ref(), use_);
        self.progress.done();
        fetched
    }
}

/// Fetches the emulators that are missing, or all from the source that was named. Whether anything may have changed.
pub(super) fn fetch(registrar: &Registrar, request: &Request, found: &BTreeMap<String, Found>) -> Result<bool> {
    let Some(options) = &request.fetch else { return Ok(false) };
    let Some(wanted) = lacking(request, found)? else { return Ok(false) };
    let use_ = if options.from.is_some() { Use::Always } else { Use::IfNone };
    registrar.fetch(options, &wanted, use_)?;
    Ok(true)
}

/// What would have to be fetched; `None` where nothing would. Where the user named a source, all come from there.
pub(super) fn lacking(request: &Request, found: &BTreeMap<String, Found>) -> Result<Option<Wanted>> {
    let Some(options) = &request.fetch else { return Ok(None) };
    let (named, all) = (options.from.is_some(), request.selection.all);
    let lacks = |p: &&&Profile| p.is_emulated() && (named || !found.contains_key(&p.name));
    let lacking: Vec<&Profile> = request.selection.profiles.iter().filter(lacks).copied().collect();
    if lacking.is_empty() || (all && !named && has_its_own(request, found)) {
        return Ok(None);
    }
    if all {
        return Ok(Some(Wanted::All));
    }
    let names = emulator_names(request, &lacking)?;
    Ok((!names.is_empty()).then_some(Wanted::These(names)))
}

/// The emulators of the store that a plan registers and that do not hold what was verified when they were fetched.
pub(super) fn damaged(request: &Request, plan: &Plan) -> Result<Vec<String>> {
    let Some(store) = &request.places.store else { return Ok(Vec::new()) };
    let mut current = None;
    let mut damaged = Vec::new();
    for (_, change) in plan.changed() {
        let path = change.entry.interpreter.as_ref().and_then(|path| path.to_path().ok());
        let Some(path) = path.filter(|path| path.starts_with(store)) else { continue };
        let current = match &mut current {
            Some(current) => current,
            None => current.insert(Store::open(store).all_current()?),
        };
        if let Some(emulator) = current.values().find(|emulator| emulator.path == path)
            && !emulator.is_whole()?
        {
            damaged.push(emulator.arch.clone());
        }
    }
    Ok(damaged)
}

/// Emulators that came with the system or with an image are what `all` means there.
fn has_its_own(request: &Request, found: &BTreeMap<String, Found>) -> bool {
    let own = |f: &Found| request.places.store.as_ref().is_none_or(|store| !f.path.starts_with(store));
    found.values().any(own)
}

/// QEMU's names of those that the kernel does not run by itself.
fn emulator_names(request: &Request, lacking: &[&Profile]) -> Result<Vec<String>> {
    let native = if request.force { Vec::new() } else { facts::native(lacking)? };
    let name = |p: &&&Profile| match &p.kind {
        Kind::Elf { emulator, .. } if !native.contains(&p.name) => emulator.strip_prefix("qemu-").map(str::to_owned),
        _ => None,
    };
    Ok(lacking.iter().filter_map(|p| name(&p)).collect())
}

/// What running them has shown of fetched emulators goes into their manifests. Returns what is known to go wrong with those
/// that were registered.
pub(super) fn note(registrar: &Registrar, rows: &[Row]) -> Result<Vec<Advice>> {
    let mut advice = Vec::new();
    let Ok(store) = registrar.store() else { return Ok(advice) };
    let fetched = |row: &&Row| {
        let interpreter = row.entry.as_ref().and_then(|e| e.interpreter.as_ref()?.to_path().ok());
        interpreter.is_some_and(|path| path.starts_with(store.root()))
    };
    let rows: Vec<&Row> = rows.iter().filter(fetched).collect();
    if rows.is_empty() {
        return Ok(advice);
    }
    let current = store.all_current()?;
    for row in rows {
        let (Some(emulator), Some(entry)) = (current.get(&row.item.profile), &row.entry) else { continue };
        if matches!(row.state, State::Added | State::Replaced) {
            let pairs = known_bad::warnings(&emulator.version, &emulator.arch, &Kernel::running());
            advice.extend(pairs.into_iter().map(|pair| Advice::KnownBad {
                label: row.item.label.clone(),
                version: emulator.version.clone(),
                symptom: pair.symptom,
                take: pair.take,
            }));
        }
        if let Some(Outcome::Works { argv0 }) = row.outcome {
            let preserves = argv0 && entry.flags.has(Flags::P);
            if emulator.preserves_argv0 != Some(preserves) {
                store.note_preserves_argv0(&store.lock(&Quiet)?, &emulator.id, &emulator.arch, preserves)?;
            }
        }
    }
    Ok(advice)
}
