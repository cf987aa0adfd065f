//! The table, reached in one of the ways, and the way back.

use std::io::Write;
use std::path::PathBuf;

use super::held::HeldBy;
use crate::binfmt::hold::{SelfHolding, Writer};
use crate::binfmt::mounts::{self, Mounted};
use crate::binfmt::namespace::Namespace;
use crate::binfmt::table::Table;
use crate::error::{Doing, Error, Result};
use crate::host::{Host, Identity};
use crate::proc::{self, Mounts};
use crate::profile::Profiles;
use crate::registrar::facts::{Facts, Scope, TableFacts};
use crate::registrar::plan::ways::Way;

/// The table, open for a run.
#[derive(Debug)]
pub struct Session {
    /// The table.
    pub table: Table,
    /// Writes entries that hold their own table.
    writer: Option<Writer>,
    /// Why entries here do not hold their own table, where they should.
    unheld: Option<Error>,
    /// The way back out of another mount namespace.
    namespace: Option<Namespace>,
    /// Who else uses the table.
    others: Others,
}

/// Who uses a table besides this process and what it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Others may write to it, and run programs through it with rights that the caller does not have.
    Some,
    /// Nobody: it is that of a user namespace in which the caller is alone.
    None,
}

/// What is mounted on the table's directory, without a look into it. Where a `private` table is wanted, one that the
/// namespace has inherited does not count.
///
/// # Errors
/// /proc/self/mountinfo cannot be read.
pub fn mounted(host: &Host, private: bool) -> Result<Mounted> {
    let mounted = mounts::mounted_on(&Mounts::read(&proc::own("mountinfo"))?, &host.table);
    let inherited = private && mounted.is_visible() && !mounts::is_own_table(&host.table);
    Ok(if inherited { Mounted::No } else { mounted })
}

/// Whether process 1 of the machine has the table mounted; false where that cannot be seen.
pub fn mounted_on_host(identity: &Identity) -> bool {
    let mounts = || Mounts::read(&proc::of_process(1, "mountinfo"));
    identity.first_pid_namespace && mounts().is_ok_and(|mounts| mounts::devices(&mounts).next().is_some())
}

/// The error where the table is not mounted and we may not mount it. Root in a container is not told to become root.
pub fn may_not_mount(doing: &str, host: &Host, identity: &Identity) -> Error {
    let table = host.table.display();
    if identity.euid == 0 {
        let why = format!("nothing is mounted on {table}, and this container may not mount it");
        return Error::unknown(doing, why).help(identity.privileged());
    }
    Error::unknown(doing, format!("nothing is mounted on {table}, and only root may mount it")).help(identity.rights())
}

/// A process that has the table of this device mounted in mounts of its own; `None` where there is none or none is seen.
fn holder(identity: &Identity, device: &str) -> Option<u32> {
    if !identity.first_pid_namespace {
        return None;
    }
    let own = std::process::id();
    let numbers = std::fs::read_dir(proc::DIRECTORY).ok()?.flatten();
    let mut pids = numbers.filter_map(|item| item.file_name().to_str()?.parse::<u32>().ok()).filter(|&pid| pid != own);
    pids.find(|&pid| {
        let mounts = Mounts::read(&proc::of_process(pid, "mountinfo"));
        mounts.is_ok_and(|mounts| mounts::devices(&mounts).any(|table| table == device))
    })
}

/// Looks at the table without leaving a mount behind: the facts, and what holds it.
///
/// # Errors
/// Like [`Session::visit`] and [`Facts::gather`].
pub fn look(
    host: &Host,
    mounted: Mounted,
    private: bool,
    profiles: &Profiles,
    scope: Scope,
) -> Result<(Facts, Option<HeldBy>)> {
    let identity = Identity::own(host);
    let session = Session::visit(host, &identity, mounted, private)?;
    let table = TableFacts::read(&session.table);
    let facts = table.and_then(|table| Facts::gather(host, mounted, table, profiles, scope));
    let held_by = match &facts {
        _ if mounted.is_visible() => Some(HeldBy::Mount),
        Ok(facts) if facts.table.entries.is_empty() => None,
        _ => Some(session.holder(&identity).map_or(HeldBy::Entries, |_| HeldBy::Process)),
    };
    session.leave()?;
    Ok((facts?, held_by))
}

impl Session {
    fn of(table: Table, namespace: Option<Namespace>) -> Session {
        Session { table, writer: None, unheld: None, namespace, others: Others::Some }
    }

    /// The table that is mounted here, and that of this user namespace alone; `others` says who that is.
    pub fn private(host: &Host, others: Others) -> Session {
        Session { others, ..Session::of(Table::at(&host.table), None) }
    }

    /// Who else uses the table.
    pub fn others(&self) -> Others {
        self.others
    }

    /// Reaches the table to change it. `directories` are those of the emulators.
    ///
    /// # Errors
    /// What unshare(2), setns(2) and mount(2) say.
    pub fn open(host: &Host, way: Way, directories: &[PathBuf], private: bool) -> Result<Session> {
        let plain = |namespace| Session::of(Table::at(&host.table), namespace);
        match way {
            Way::Present => Ok(plain(None)),
            Way::Mount => {
                mount_here(host, private)?;
                Ok(plain(None))
            }
            Way::OnHost => {
                let namespace = Namespace::enter_of(1)?;
                if let Err(error) = mount_here(host, false) {
                    namespace.leave()?;
                    return Err(error);
                }
                Ok(plain(Some(namespace)))
            }
            Way::Entries => {
                let SelfHolding { table, writer, namespace } = SelfHolding::enter(directories)?;
                let (writer, unheld) = match writer {
                    Ok(writer) => (Some(writer), None),
                    Err(error) => (None, Some(error)),
                };
                Ok(Session { writer, unheld, ..Session::of(table, Some(namespace)) })
            }
        }
    }

    /// Reaches the table without leaving a mount behind: where it is not mounted, in a mount namespace of our own.
    ///
    /// # Errors
    /// We may not mount it, or mounting it would hide the machine's; what unshare(2) and mount(2) say.
    pub fn visit(host: &Host, identity: &Identity, mounted: Mounted, private: bool) -> Result<Session> {
        if mounted.is_visible() {
            return Ok(Session::of(Table::at(&host.table), None));
        }
        let doing = "looking at the table";
        if !identity.first_user_namespace && !private {
            let why = "this user namespace does not show it, and mounting it here would hide the machine's entries";
            return Err(
                Error::unknown(doing, why).help("run it on the host, or use --private for a table of this namespace")
            );
        }
        if !identity.may_mount {
            return Err(may_not_mount(doing, host, identity));
        }
        let namespace = Namespace::enter()?;
        // On an automount point a mount of ours goes next to it, so that it is not triggered.
        let dir = match mounted {
            Mounted::Automount => host.table.parent().unwrap_or(&host.table).to_owned(),
            _ => host.table.clone(),
        };
        if let Err(error) = mounts::mount_table(&dir) {
            namespace.leave()?;
            return Err(error.with_status(crate::error::Status::Unknown));
        }
        Ok(Session::of(Table::at(&dir), Some(namespace)))
    }

    /// Registers an entry; `name` is for the error.
    ///
    /// # Errors
    /// What the kernel answers to the registration string: EINVAL, EEXIST, ENOENT for an interpreter that is not there.
    pub fn register(&mut self, name: &[u8], string: &[u8]) -> Result<()> {
        let doing = || format!("registering {}", bstr::BStr::new(name));
        match &mut self.writer {
            // A kernel in which entries outlive the last mount (it pins the table for them) lets nobody of another user
            // namespace register the first; nor is it needed there.
            Some(writer) => match writer.register(string) {
                Err(error) if error.raw_os_error() == Some(nix::libc::EBUSY) => {
                    self.unheld = Some(Error::io("registering from a user namespace", error));
                    self.table.open_register()?.write_all(string).doing(doing)
                }
                result => result.doing(doing),
            },
            None => self.table.open_register()?.write_all(string).doing(doing),
        }
    }

    /// A process that keeps the table mounted where we do not see it.
    pub fn holder(&self, identity: &Identity) -> Option<u32> {
        holder(identity, &mounts::device(self.table.dir())?)
    }

    /// Whether what is mounted here is gone once the session is left.
    pub fn is_away(&self) -> bool {
        self.namespace.is_some()
    }

    /// Why entries here do not hold their own table, where they should: whether they stay is then the kernel's doing.
    pub fn take_unheld(&mut self) -> Option<Error> {
        self.unheld.take()
    }

    /// Goes back to where this process was.
    ///
    /// # Errors
    /// What setns(2) says. The process is then still in the other namespace.
    pub fn leave(self) -> Result<()> {
        drop(self.writer);
        self.namespace.map_or(Ok(()), Namespace::leave)
    }
}

/// Mounts the table on its directory unless it is there. A look at an automount is enough.
fn mount_here(host: &Host, private: bool) -> Result<()> {
    let now = mounted(host, private)?;
    if now == Mounted::Automount {
        // systemd mounts it now; if it does not, we do.
        drop(std::fs::read_dir(&host.table));
        if mounts::is_table(&host.table) {
            return Ok(());
        }
    }
    if now.is_visible() { Ok(()) } else { mounts::mount_table(&host.table) }
}
