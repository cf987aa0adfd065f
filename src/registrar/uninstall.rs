//! Removes entries.

use std::path::Path;

use super::Registrar;
use super::apply::{self, Row};
use super::facts::TableFacts;
use super::plan::{self, Plan, Wanted};
use super::session::{self, Session};
use crate::binfmt::mounts::Mounted;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::host::{Host, Identity};
use crate::kernel::Kernel;

impl Registrar {
    /// What the words mean. An architecture goes before an entry of the same name: their entries are the same.
    ///
    /// # Errors
    /// A pattern that cannot be read.
    pub fn removals(&self, words: &[String]) -> Result<Vec<Wanted<'_>>> {
        let words = words.iter().flat_map(|w| w.split(',')).map(str::trim).filter(|w| !w.is_empty());
        words
            .map(|word| match self.profiles.spelled(word) {
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

    /// Removes what is wanted; the rows say what became of each entry. `force` removes also what is neither ours nor QEMU's.
    ///
    /// # Errors
    /// Where the table is out of reach or may not be changed.
    pub fn uninstall(&self, wanted: Vec<Wanted>, force: bool) -> Result<Vec<Row>> {
        self.with_table(|session, identity, mounted| {
            // Whoever may not write finds out from the plan.
            let _lock = if session.table.is_writable() { Some(session.table.lock()?) } else { None };
            let (plan, table) = self.plan_removal(wanted, force, session)?;
            table.readable("removing entries")?;
            if plan.changes() && !table.writable {
                return Err(self.may_not_change(identity, mounted));
            }
            apply::apply(plan, &table.entries, session, &Kernel::running(), None)
        })
    }

    /// The same, without a change to anything.
    ///
    /// # Errors
    /// Where the table cannot be looked at from here.
    pub fn plan_uninstall(&self, wanted: Vec<Wanted>, force: bool) -> Result<Plan> {
        self.with_table(|session, _, _| Ok(self.plan_removal(wanted, force, session)?.0))
    }

    fn plan_removal(&self, wanted: Vec<Wanted>, force: bool, session: &Session) -> Result<(Plan, TableFacts)> {
        let table = TableFacts::read(&session.table)?;
        let mut places = self.places.clone();
        // What the configuration had made is ours too, wherever its emulators are.
        if let Ok(config) = Config::read(Path::new(Host::CONFIG)) {
            places.directories.extend(config.emulators);
        }
        let request = plan::Uninstall { wanted, force, places: &places, prefix: &self.prefix };
        Ok((plan::uninstall(&request, &self.profiles, &table), table))
    }

    fn with_table<T>(&self, work: impl FnOnce(&mut Session, &Identity, Mounted) -> Result<T>) -> Result<T> {
        let identity = Identity::own(&self.host);
        let mounted = session::mounted(&self.host, self.private && !identity.first_user_namespace)?;
        let mut session = Session::visit(&self.host, &identity, mounted, self.private)?;
        let result = work(&mut session, &identity, mounted);
        session.leave()?;
        result
    }
}
