//! `rbinfmt status`: the table, and whether each architecture works. Changes nothing.

use std::collections::BTreeMap;

use super::Context;
use crate::cli;
use crate::error::{Result, Status};
use crate::facts::{Facts, Scope};
use crate::health;
use crate::host::Identity;
use crate::profile::Profile;
use crate::report::table::Table;
use crate::session;

/// Looks and prints.
pub fn run(context: &Context, args: &cli::Status) -> Result<Status> {
    let (facts, held_by) = look(context, !args.no_verify)?;
    let judge = |entry| health::of(entry, &context.profiles, &context.places, &facts);
    let health = facts.table.entries.iter().map(judge).collect();
    let platforms = health::platforms(&context.profiles, &facts);
    let table = Table::new(&context.host.table, &facts, health, platforms, held_by);
    if context.printer.json {
        context.printer.value(&table)?;
    } else {
        context.printer.line(table.text(&facts))?;
    }
    Ok(table.status())
}

/// The facts, and what holds the table.
pub fn look(context: &Context, probe: bool) -> Result<(Facts, Option<&'static str>)> {
    let identity = Identity::own(&context.host);
    let mounted = session::mounted(&context.host, context.private && !identity.first_user_namespace)?;
    let profiles: Vec<&Profile> = context.profiles.iter().collect();
    let scope = Scope { profiles: &profiles, emulators: &BTreeMap::new(), probe };
    session::look(&context.host, mounted, context.private, &context.profiles, scope)
}
