//! A plan that was made over an empty table, carried out in one that nobody else uses.

use std::path::Path;

use super::apply::{self, Row};
use super::facts::Facts;
use super::plan::{Item, Plan};
use super::session::{Others, Session};
use super::{Registrar, supply};
use crate::binfmt::mounts;
use crate::error::Result;

impl Registrar {
    /// Mounts this user namespace's own table and registers the plan's entries there. A program is run through those that
    /// `doubtful` says, which finds whether flag P suits them; what that has shown is noted in the store.
    ///
    /// # Errors
    /// Where the table cannot be mounted or written. An entry that was refused is a row that says so.
    pub fn register_privately(&self, facts: &Facts, plan: Plan, doubtful: &dyn Fn(&Item) -> bool) -> Result<Vec<Row>> {
        let table: &Path = &self.host.table;
        mounts::mount_table(table)?;
        // Who was not root before has brought nobody along.
        let others = if facts.identity.euid == 0 { Others::Some } else { Others::None };
        let mut session = Session::private(&self.host, others);
        let mut prober = |items: &[&Item]| {
            let tried: Vec<&Item> = items.iter().copied().filter(|item| doubtful(item)).collect();
            let mut ran = self.probe(&tried)?.into_iter();
            Ok(items.iter().map(|item| if doubtful(item) { ran.next().flatten() } else { None }).collect())
        };
        let rows = apply::apply(plan, &[], &mut session, &facts.kernel, Some(&mut prober))?;
        if rows.iter().any(|row| row.outcome.is_some()) {
            // A store of somebody else's cannot be written; the same is then found out the next time.
            let _ = supply::note(self, &rows);
        }
        Ok(rows)
    }
}
