//! Carries a plan out: this process goes to where the program will be, and becomes it.

use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

use super::obstacle;
use super::plan::{Plan, Way, Who};
use super::{Kept, Never, program};
use crate::error::{Doing, Result};
use crate::exec::root::Root;
use crate::registrar::Registrar;
use crate::registrar::apply::State;
use crate::sandbox::{Maps, be_again};

impl Plan {
    /// Becomes the program. `warn` is told of what goes less well than planned.
    ///
    /// # Errors
    /// What the kernel refused; with the exit status of env(1) where that was execve(2).
    pub fn start(mut self, registrar: &Registrar, warn: &dyn Fn(String)) -> Never {
        match &self.way {
            Way::Table(_) => self.enter(registrar, warn)?,
            Way::Emulator(_) => {}
            Way::Kept(kept) => {
                let who = caller();
                kept.enter()?;
                self.view.enter_directory()?;
                self.path = program::find(self.path.as_os_str(), self.environment.get("PATH"), &Root::own())?;
                self.become_who(who)?;
            }
        }
        if let Way::Emulator(obstacle) = &self.way {
            let help = obstacle.help_text().map_or_else(String::new, |help| format!(" ({help})"));
            warn(format!(
                "without a table only the program itself is emulated, and nothing that it starts: {obstacle}{help}"
            ));
        }
        program::execute(&self)
    }

    /// Goes to a namespace with a table. Where the kernel refuses what nothing was known to forbid, the emulator alone is left.
    fn enter(&mut self, registrar: &Registrar, warn: &dyn Fn(String)) -> Result<()> {
        let who = caller();
        if let Err(error) = self.maps()?.enter() {
            let obstacle = obstacle::explain(error);
            // Halfway in a namespace we are somebody else.
            return if caller() == who { self.without_table(obstacle) } else { Err(obstacle) };
        }
        let Way::Table(table) = &self.way else { return Ok(()) };
        let rows = registrar.register_privately(&table.facts, table.plan.clone(), &|item| table.is_doubtful(item))?;
        for row in rows {
            if let State::Failed(why) = row.state {
                warn(format!("{}: {why}", row.item.label));
            }
        }
        if let Some(name) = &self.keep {
            Kept::keep(&registrar.store()?, name, self.view.root.as_deref(), self.who)?;
        }
        self.view.enter()?;
        self.become_who(who)
    }

    /// Root of the namespace, which this process is, becomes who the program is.
    fn become_who(&self, who: (u32, u32)) -> Result<()> {
        let is_root = who.0 == 0;
        match self.who {
            Who::Root { .. } => Ok(()),
            Who::Caller if is_root => Ok(()),
            Who::Caller => be_again(who).map_err(obstacle::explain),
            Who::User(uid, gid) if is_root => become_user(uid, gid),
            Who::User(uid, gid) => be_again((uid, gid)).map_err(obstacle::explain),
        }
    }

    fn maps(&self) -> Result<Maps> {
        if nix::unistd::geteuid().is_root() {
            return Maps::same().doing(|| "reading the maps of this user namespace");
        }
        if self.who != (Who::Root { subordinate: true }) {
            return Ok(Maps::alone());
        }
        match (subordinate("/etc/subuid"), subordinate("/etc/subgid")) {
            (Some(users), Some(groups)) => Ok(Maps::subordinate(users, groups)),
            // Root is the only user then.
            _ => Ok(Maps::alone()),
        }
    }
}

/// User and group of whoever runs this.
fn caller() -> (u32, u32) {
    (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw())
}

/// Becomes another user of the machine's.
fn become_user(uid: u32, gid: u32) -> Result<()> {
    let doing = || format!("becoming user {uid} of group {gid}");
    let gid = Gid::from_raw(gid);
    setgroups(&[]).doing(doing)?;
    setgid(gid).doing(doing)?;
    setuid(Uid::from_raw(uid)).doing(doing)
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
