//! `rbinfmt status`: the table, and whether each architecture works. Changes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Context, install};
use crate::binfmt::entry::Entry;
use crate::cli;
use crate::config::Config;
use crate::error::{Result, Status};
use crate::host::Identity;
use crate::profile::Profile;
use crate::registrar::facts::{Facts, Scope};
use crate::registrar::health;
use crate::registrar::plan::is_ours;
use crate::registrar::session;
use crate::report::table::{Table, Wanted};

/// Looks and prints.
pub fn run(context: &Context, args: &cli::Status) -> Result<Status> {
    let (facts, held_by) = look(context, !args.no_verify)?;
    let judge = |entry| health::of(entry, &context.profiles, &context.places, &facts);
    let health = facts.table.entries.iter().map(judge).collect();
    let platforms = health::platforms(&context.profiles, &facts);
    let wanted = args.config.as_ref().map(|config| compare(context, config, &facts)).transpose()?;
    let table = Table::new(&context.host.table, &facts, health, platforms, held_by, wanted);
    if context.printer.json {
        context.printer.value(&table)?;
    } else {
        context.printer.line(table.text(&facts))?;
    }
    Ok(table.status())
}

/// The table beside a configuration. Of `all` only what there is an emulator for can run.
fn compare(context: &Context, config: &Path, facts: &Facts) -> Result<Wanted> {
    let config = Config::read(config)?;
    let (profiles, all) = install::select(context, &config.architectures)?;
    let places = install::places(context, Some(&config));
    let emulators = places.find_all(&profiles, &context.prefix, facts.own)?;
    let can = |p: &&&Profile| !all || emulators.get(&p.name).is_some_and(|found| found.problem.is_none());
    let missing = profiles.iter().filter(can).filter(|p| !health::runs(p, facts)).map(|p| p.label().to_owned());
    let asked = |entry: &Entry| profiles.iter().any(|p| p.rules.iter().any(|r| r.rule.same_meaning(&entry.rule)));
    let extra = facts.table.entries.iter().filter(|e| is_ours(e, &context.profiles, &places) && !asked(e));
    Ok(Wanted { missing: missing.collect(), extra: extra.map(|e| e.name.to_string()).collect() })
}

/// The facts, and what holds the table.
pub fn look(context: &Context, probe: bool) -> Result<(Facts, Option<&'static str>)> {
    let identity = Identity::own(&context.host);
    let mounted = session::mounted(&context.host, context.private && !identity.first_user_namespace)?;
    let profiles: Vec<&Profile> = context.profiles.iter().collect();
    let scope = Scope { profiles: &profiles, emulators: &BTreeMap::new(), probe };
    session::look(&context.host, mounted, context.private, &context.profiles, scope)
}
