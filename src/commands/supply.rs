//! What an installation lacks, fetched.

use std::collections::BTreeMap;

use bstr::ByteSlice;

use super::Context;
use super::fetch;
use super::install::Request;
use crate::binfmt::entry::Flags;
use crate::emulators::find::Found;
use crate::emulators::{Use, Wanted, known_bad};
use crate::error::Result;
use crate::kernel::Kernel;
use crate::probe::Outcome;
use crate::profile::{Kind, Profile};
use crate::progress::Quiet;
use crate::registrar::apply::{Row, State};
use crate::registrar::facts;

/// Fetches the emulators that are missing, or all from the source that was named. Whether anything may have changed.
pub(super) fn fetch(context: &Context, request: &Request, found: &BTreeMap<String, Found>) -> Result<bool> {
    let Some(args) = &request.supply else { return Ok(false) };
    let from = fetch::source(args)?;
    let Some(wanted) = lacking(context, request, from.is_some(), found)? else { return Ok(false) };
    let use_ = if from.is_some() { Use::Always } else { Use::IfNone };
    fetch::ensure(context, args, &wanted, from.as_ref(), use_)?;
    Ok(true)
}

/// What would have to be fetched; `None` where nothing would. `named`: the user named a source, and all come from there.
pub(super) fn lacking(
    context: &Context,
    request: &Request,
    named: bool,
    found: &BTreeMap<String, Found>,
) -> Result<Option<Wanted>> {
    if request.supply.is_none() {
        return Ok(None);
    }
    let lacks = |p: &&&Profile| p.is_emulated() && (named || !found.contains_key(&p.name));
    let lacking: Vec<&Profile> = request.profiles.iter().filter(lacks).copied().collect();
    if lacking.is_empty() || (request.all && !named && has_its_own(request, found)) {
        return Ok(None);
    }
    if request.all {
        return Ok(Some(Wanted::All));
    }
    let names = emulator_names(context, request, &lacking)?;
    Ok((!names.is_empty()).then_some(Wanted::These(names)))
}

/// Emulators that came with the system or with an image are what `all` means there.
fn has_its_own(request: &Request, found: &BTreeMap<String, Found>) -> bool {
    let own = |f: &Found| request.places.store.as_ref().is_none_or(|store| !f.path.starts_with(store));
    found.values().any(own)
}

/// QEMU's names of those that the kernel does not run by itself.
fn emulator_names(context: &Context, request: &Request, lacking: &[&Profile]) -> Result<Vec<String>> {
    let native = if request.force { Vec::new() } else { facts::native(&context.host, lacking)? };
    let name = |p: &&&Profile| match &p.kind {
        Kind::Elf { emulator, .. } if !native.contains(&p.name) => emulator.strip_prefix("qemu-").map(str::to_owned),
        _ => None,
    };
    Ok(lacking.iter().filter_map(|p| name(&p)).collect())
}

/// What running them has shown of fetched emulators goes into their manifests; and what is known to go wrong with one of
/// those that were registered is said.
pub(super) fn note(context: &Context, rows: &[Row]) -> Result<()> {
    let Ok(store) = context.store() else { return Ok(()) };
    let fetched = |row: &&Row| {
        let interpreter = row.entry.as_ref().and_then(|e| e.interpreter.as_ref()?.to_path().ok());
        interpreter.is_some_and(|path| path.starts_with(store.root()))
    };
    let rows: Vec<&Row> = rows.iter().filter(fetched).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let current = store.all_current()?;
    for row in rows {
        let (Some(emulator), Some(entry)) = (current.get(&row.item.profile), &row.entry) else { continue };
        if matches!(row.state, State::Added | State::Replaced) {
            for pair in known_bad::warnings(&emulator.version, &emulator.arch, &Kernel::running()) {
                let (label, version, take) = (&row.item.label, &emulator.version, &pair.take);
                context
                    .printer
                    .warn(format!("{label}: QEMU {version} is known for this: {}; take {take}", pair.symptom));
            }
        }
        if let Some(Outcome::Works { argv0 }) = row.outcome {
            let preserves = argv0 && entry.flags.has(Flags::P);
            if emulator.preserves_argv0 != Some(preserves) {
                store.note_preserves_argv0(&store.lock(&Quiet)?, &emulator.id, &emulator.arch, preserves)?;
            }
        }
    }
    Ok(())
}
