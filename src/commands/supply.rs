//! What an installation lacks, fetched.

use std::collections::BTreeMap;

use super::Context;
use super::fetch;
use super::install::Request;
use crate::emulators::find::Found;
use crate::emulators::{Use, Wanted};
use crate::error::Result;
use crate::facts;
use crate::profile::{Kind, Profile};

/// Fetches the emulators that are missing, or all from the source that was named. Whether anything may have changed.
pub(super) fn fetch(context: &Context, request: &Request, found: &BTreeMap<String, Found>) -> Result<bool> {
    let Some(args) = &request.supply else { return Ok(false) };
    let from = fetch::source(args)?;
    let lacks = |p: &&&Profile| p.is_emulated() && (from.is_some() || !found.contains_key(&p.name));
    let lacking: Vec<&Profile> = request.profiles.iter().filter(lacks).copied().collect();
    if lacking.is_empty() {
        return Ok(false);
    }
    let wanted = match (request.all, &from) {
        (true, Some(_)) => Wanted::All,
        (true, None) if has_its_own(request, found) => return Ok(false),
        (true, None) => Wanted::All,
        (false, _) => match emulator_names(context, request, &lacking)? {
            names if names.is_empty() => return Ok(false),
            names => Wanted::These(names),
        },
    };
    let use_ = if from.is_some() { Use::Always } else { Use::IfNone };
    fetch::ensure(context, args, &wanted, from.as_ref(), use_)?;
    Ok(true)
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
