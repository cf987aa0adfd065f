//! `rbinfmt uninstall`: removes entries.

use std::path::Path;

use super::{Context, may_not_change};
use crate::binfmt::mounts::Mounted;
use crate::cli;
use crate::config::Config;
use crate::error::{Error, Result, Status};
use crate::host::{Host, Identity};
use crate::kernel::Kernel;
use crate::registrar::apply::{self, Row};
use crate::registrar::facts::TableFacts;
use crate::registrar::plan::{self, Plan, Wanted};
use crate::registrar::session::{self, Session};
use crate::report::rows::Run;

/// Does it and prints what was done.
pub fn run(context: &Context, args: &cli::Uninstall) -> Result<Status> {
    let wanted = read(context, &args.wanted)?;
    let run = if args.dry_run {
        let plan = with_table(context, |session, _, _| Ok(plan(context, wanted, args.force, session)?.0))?;
        Run::planned(&plan, &context.host.table)
    } else {
        Run::done(&uninstall(context, wanted, args.force)?, &context.host.table, None)
    };
    run.print(&context.printer, true)
}

/// What the words mean. An architecture goes before an entry of the same name: their entries are the same.
pub fn read<'a>(context: &'a Context, words: &[String]) -> Result<Vec<Wanted<'a>>> {
    let words = words.iter().flat_map(|w| w.split(',')).map(str::trim).filter(|w| !w.is_empty());
    words
        .map(|word| match context.profiles.spelled(word) {
            _ if word.eq_ignore_ascii_case("all") => Ok(Wanted::All),
            Some(profile) => Ok(Wanted::Arch(word.to_owned(), profile)),
            None if word.contains(['*', '?', '[']) => {
                let pattern = glob::Pattern::new(word);
                Ok(Wanted::Glob(pattern.map_err(|e| Error::usage(format!("reading the pattern {word:?}"), e.msg))?))
            }
            None => Ok(Wanted::Name(word.to_owned())),
        })
        .collect()
}

/// Removes what is wanted; the rows say what became of each entry.
pub fn uninstall(context: &Context, wanted: Vec<Wanted>, force: bool) -> Result<Vec<Row>> {
    with_table(context, |session, identity, mounted| {
        // Whoever may not write finds out from the plan.
        let _lock = if session.table.is_writable() { Some(session.table.lock()?) } else { None };
        let (plan, table) = plan(context, wanted, force, session)?;
        table.readable("removing entries")?;
        if plan.changes() && !table.writable {
            return Err(may_not_change(&context.host, identity, mounted));
        }
        apply::apply(plan, session, &Kernel::running(), None)
    })
}

fn plan(context: &Context, wanted: Vec<Wanted>, force: bool, session: &Session) -> Result<(Plan, TableFacts)> {
    let table = TableFacts::read(&session.table)?;
    let mut places = context.places.clone();
    // What the configuration had made is ours too, wherever its emulators are.
    if let Ok(config) = Config::read(Path::new(Host::CONFIG)) {
        places.directories.extend(config.emulators);
    }
    let request = plan::Uninstall { wanted, force, places: &places, prefix: &context.prefix };
    Ok((plan::uninstall(&request, &context.profiles, &table), table))
}

fn with_table<T>(context: &Context, work: impl FnOnce(&mut Session, &Identity, Mounted) -> Result<T>) -> Result<T> {
    let identity = Identity::own(&context.host);
    let mounted: Mounted = session::mounted(&context.host, context.private && !identity.first_user_namespace)?;
    let mut session = Session::visit(&context.host, &identity, mounted, context.private)?;
    let result = work(&mut session, &identity, mounted);
    session.leave()?;
    result
}
