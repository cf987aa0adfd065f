//! `rbinfmt status`: the table, and whether each architecture works. Changes nothing.

use std::path::Path;

use super::Context;
use crate::binfmt::entry::Entry;
use crate::cli;
use crate::config::Config;
use crate::error::{Result, Status};
use crate::profile::Profile;
use crate::registrar::facts::Facts;
use crate::registrar::health;
use crate::registrar::plan::is_ours;
use crate::registrar::{Registrar, Selection};
use crate::report::table::{Look, Table, Wanted};

/// Looks and prints.
pub(super) fn run(context: &Context, args: &cli::StatusArgs) -> Result<Status> {
    let registrar = &context.registrar;
    let (facts, held_by) = registrar.look(!args.no_verify)?;
    let judge = |entry| health::of(entry, &registrar.profiles, &registrar.places, &facts);
    let health = facts.table.entries.iter().map(judge).collect();
    let platforms = health::platforms(&registrar.profiles, &facts);
    let wanted = args.config.as_ref().map(|config| compare(registrar, config, &facts)).transpose()?;
    let table = Table::new(Look { path: &registrar.host.table, facts: &facts, held_by, health, platforms, wanted });
    if context.printer.json {
        context.printer.value(&table)?;
    } else {
        context.printer.line(table.text(&facts))?;
    }
    Ok(table.status())
}

/// The table compared with a configuration. Of `all` only what there is an emulator for can run.
fn compare(registrar: &Registrar, config: &Path, facts: &Facts) -> Result<Wanted> {
    let config = Config::read(config)?;
    let Selection { profiles, all } = registrar.select(&config.architectures)?;
    let places = registrar.places_of(&config);
    let emulators = places.find_all(&profiles, &registrar.prefix, facts.own)?;
    let can = |p: &&&Profile| !all || emulators.get(&p.name).is_some_and(|found| found.problem.is_none());
    let missing = profiles.iter().filter(can).filter(|p| !health::runs(p, facts)).map(|p| p.label().to_owned());
    let asked = |entry: &Entry| profiles.iter().any(|p| p.rules.iter().any(|r| r.rule.same_meaning(&entry.rule)));
    let extra = facts.table.entries.iter().filter(|e| is_ours(e, &registrar.profiles, &places) && !asked(e));
    Ok(Wanted { missing: missing.collect(), extra: extra.map(|e| e.name.to_string()).collect() })
}
