//! Carries a plan out: this process goes to where the program will be, and becomes it.

use super::obstacle;
use super::plan::{Plan, Table, Way};
use super::{Never, program};
use crate::error::{Doing, Result};
use crate::registrar::Registrar;
use crate::registrar::apply::State;
use crate::sandbox::{Maps, be_oneself_again};

impl Plan {
    /// Becomes the program. `warn` is told of what goes less well than planned.
    ///
    /// # Errors
    /// What the kernel refused; with the exit status of env(1) where that was execve(2).
    pub fn start(self, registrar: &Registrar, warn: &dyn Fn(String)) -> Never {
        if let Way::Table(table) = &self.way {
            self.enter(table, registrar, warn)?;
        }
        program::execute(&self)
    }

    fn enter(&self, table: &Table, registrar: &Registrar, warn: &dyn Fn(String)) -> Result<()> {
        let who = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
        let is_root = who.0 == 0;
        self.maps()?.enter().map_err(obstacle::explain)?;
        let rows = registrar.register_privately(&table.facts, table.plan.clone(), &|item| table.is_doubtful(item))?;
        for row in rows {
            if let State::Failed(why) = row.state {
                warn(format!("{}: {why}", row.item.label));
            }
        }
        self.view.enter()?;
        if is_root || self.as_root { Ok(()) } else { be_oneself_again(who).map_err(obstacle::explain) }
    }

    fn maps(&self) -> Result<Maps> {
        if nix::unistd::geteuid().is_root() {
            return Maps::same().doing(|| "reading the maps of this user namespace");
        }
        if !self.as_root {
            return Ok(Maps::alone());
        }
        match (subordinate("/etc/subuid"), subordinate("/etc/subgid")) {
            (Some(users), Some(groups)) => Ok(Maps::subordinate(users, groups)),
            // Root is the only user then.
            _ => Ok(Maps::alone()),
        }
    }
}

/// The caller's first range in /etc/subuid or /etc/subgid (subuid(5)): first number, and how many.
fn subordinate(file: &str) -> Option<(u32, u32)> {
    let uid = nix::unistd::geteuid();
    let name = nix::unistd::User::from_uid(uid).ok().flatten().map(|user| user.name);
    let text = std::fs::read_to_string(file).ok()?;
    let number = uid.to_string();
    let is_ours = |owner: &str| owner == number || name.as_deref() == Some(owner);
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let owner = fields.next()?;
        let range = (fields.next()?.parse().ok()?, fields.next()?.trim().parse().ok()?);
        is_ours(owner).then_some(range)
    })
}
