//! Registers what was asked for, in the first way that lasts.

use std::fmt;

use super::apply::{self, Row, State};
use super::facts::Facts;
use super::plan::ways::{Situation, Way, ways};
use super::plan::{Item, Skip};
use super::session::{self, Session};
use super::start::Start;
use super::{HeldBy, Registrar, Request, supply};
use crate::binfmt::entry::Flags;
use crate::binfmt::table::Table;
use crate::emulators::{Use, Wanted};
use crate::error::{Error, Result, Status};
use crate::host::Identity;
use crate::probe::{self, Outcome, Probe, Ran};

/// What came of an installation.
#[derive(Debug)]
pub struct Installed {
    /// One row for each item.
    pub rows: Vec<Row>,
    /// What keeps the entries.
    pub held_by: Option<HeldBy>,
    /// What is not wrong, but will be missed later.
    pub advice: Vec<Advice>,
}

/// Something that the user should know of an installation that succeeded.
#[derive(Debug)]
pub enum Advice {
    /// The table was mounted in this container before, and nothing shows by whom.
    HolderUnknown,
    /// Entries were made with flag C.
    Credentials,
    /// The kernel has no flag F: the emulator at this path is looked up at every execve.
    NoFixBinary {
        /// As the entry has it.
        path: String,
    },
    /// One of the emulators is known for this.
    KnownBad {
        /// What people call the architecture.
        label: String,
        /// The version of QEMU.
        version: String,
        /// What goes wrong.
        symptom: &'static str,
        /// The version to take instead.
        take: &'static str,
    },
    /// What was found out of the emulators is not in the store.
    NotRecorded(Error),
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Advice::HolderUnknown => f.write_str(
                "nothing here shows who else holds the table: if this container mounted it itself, the entries end \
                 with it",
            ),
            Advice::Credentials => f.write_str(
                "flag C: set-uid programs of these architectures run with their owner's rights, as native ones do; \
                 --no-credentials leaves it out",
            ),
            Advice::NoFixBinary { path } => write!(
                f,
                "this kernel has no flag F (4.8 and later have it): a container needs the emulator at the same path \
                 inside, for example with -v {path}:{path}"
            ),
            Advice::KnownBad { label, version, symptom, take } => {
                write!(f, "{label}: QEMU {version} is known for this: {symptom}; take {take}")
            }
            Advice::NotRecorded(error) => write!(f, "what was found out of the emulators was not kept: {error}"),
        }
    }
}

/// Why one way did not do.
enum Attempt {
    /// Another may.
    NextWay(Error),
    /// None will.
    Final(Error),
    /// Emulators in the store, by QEMU's names, do not hold what was verified when they were fetched.
    Damaged(Vec<String>),
}

impl From<Error> for Attempt {
    fn from(error: Error) -> Self {
        Attempt::Final(error)
    }
}

impl Registrar {
    /// Registers what was asked for, in the first way that lasts.
    ///
    /// # Errors
    /// Where the table is out of reach, may not be changed, or lets no entry stay; and where fetching fails.
    pub fn install(&self, request: &Request) -> Result<Installed> {
        let mut start = Start::look(self, request)?;
        let writable = start.mounted.is_visible() && Table::at(&self.host.table).is_writable();
        if start.mounted.is_visible() && !writable && !self.private && !start.identity.may_mount {
            return self.without_rights(request, &start);
        }
        let ways = ways(Situation {
            identity: &start.identity,
            mounted: start.mounted,
            writable,
            mounted_on_host: session::mounted_on_host(&start.identity),
            private: self.private,
            hold: request.hold,
            keep: request.keep,
        })?;
        if !start.mounted.is_visible() && !start.identity.may_mount {
            return Err(session::may_not_mount("registering emulators", &self.host, &start.identity));
        }
        if supply::fetch(self, request, &start.emulators)? {
            start = Start::look(self, request)?;
        }
        let mut failures: Vec<Error> = Vec::new();
        for way in ways {
            let mut attempted = self.attempt(request, &start, way);
            if let Err(Attempt::Damaged(archs)) = attempted {
                self.fetch_again(request, archs)?;
                start = Start::look(self, request)?;
                attempted = self.attempt(request, &start, way);
            }
            match attempted {
                Ok(installed) => return Ok(installed),
                Err(Attempt::Damaged(archs)) => return Err(damaged(&archs)),
                Err(Attempt::NextWay(error)) => failures.push(error),
                Err(Attempt::Final(error)) => return Err(error),
            }
        }
        Err(self.not_kept(&start.identity, failures))
    }

    /// Fetches what the request lacks.
    ///
    /// # Errors
    /// Where fetching fails.
    pub fn supply(&self, request: &Request) -> Result<()> {
        supply::fetch(self, request, &Start::look(self, request)?.emulators).map(drop)
    }

    /// Whether [`Registrar::supply`] would fetch something.
    ///
    /// # Errors
    /// Where it cannot be seen which emulators are here.
    pub fn lacks(&self, request: &Request) -> Result<bool> {
        Ok(supply::lacking(request, &Start::look(self, request)?.emulators)?.is_some())
    }

    /// Somebody who may only look: it is enough when all is as wanted.
    fn without_rights(&self, request: &Request, start: &Start) -> Result<Installed> {
        let mut session = Session::visit(&self.host, &start.identity, start.mounted, self.private)?;
        let (facts, plan) = start.plan(self, request, &session)?;
        if plan.changes() {
            return Err(self.may_not_change(&start.identity, start.mounted));
        }
        let rows = apply::apply(plan, &facts.table.entries, &mut session, &facts.kernel, None)?;
        let rows = with_facts(rows, &facts);
        Ok(Installed { advice: self.no_fix_binary(&rows).into_iter().collect(), rows, held_by: None })
    }

    fn attempt(&self, request: &Request, start: &Start, way: Way) -> Result<Installed, Attempt> {
        let mut session = match (Session::open(&self.host, way, &start.directories(), self.private), way) {
            (Ok(session), _) => session,
            (Err(error), Way::Entries | Way::OnHost) => return Err(Attempt::NextWay(error)),
            (Err(error), _) => return Err(Attempt::Final(refused(start, error))),
        };
        let worked = self.work(request, start, &mut session);
        let away = session.is_away();
        let unheld = session.take_unheld();
        // Leaving ends our own mount of the table: what is still there afterwards will stay.
        let left = session.leave();
        let rows = worked?;
        left?;
        if away && let Some(label) = self.stopped(&rows).map_err(Attempt::Final)? {
            let why = format!("they were gone when our own mount of it was ({label} does not run)");
            return Err(Attempt::NextWay(unheld.unwrap_or_else(|| Error::failed("making the entries last", why))));
        }
        let held_by = held_by(&rows, way, request.hold, unheld.is_some(), &start.identity);
        let host_knows = start.identity.on_host() || session::mounted_on_host(&start.identity);
        let mut advice = Vec::new();
        if way == Way::Present && start.identity.first_user_namespace && !host_knows && !request.hold {
            advice.push(Advice::HolderUnknown);
        }
        let given = |row: &Row| {
            let new = matches!(row.state, State::Added | State::Replaced);
            new && row.entry.as_ref().is_some_and(|entry| entry.flags.has(Flags::C))
        };
        advice.extend(rows.iter().any(given).then_some(Advice::Credentials));
        advice.extend(self.no_fix_binary(&rows));
        // The registration is done and stays, whatever the record says.
        match supply::note(self, &rows) {
            Ok(known_bad) => advice.extend(known_bad),
            Err(error) => advice.push(Advice::NotRecorded(error)),
        }
        Ok(Installed { rows, held_by, advice })
    }

    fn work(&self, request: &Request, start: &Start, session: &mut Session) -> Result<Vec<Row>, Attempt> {
        let _lock = session.table.lock()?;
        let (facts, plan) = start.plan(self, request, session)?;
        let damaged = supply::damaged(request, &plan)?;
        if !damaged.is_empty() {
            return Err(Attempt::Damaged(damaged));
        }
        if !facts.table.enabled && request.force {
            session.table.enable_all()?;
        }
        let mut prober = |items: &[&Item]| self.probe(items);
        let prober: Option<&mut apply::Prober> = if request.verify { Some(&mut prober) } else { None };
        let rows = apply::apply(plan, &facts.table.entries, session, &facts.kernel, prober)?;
        Ok(with_facts(rows, &facts))
    }

    /// Fetches emulators whose files in the store are damaged.
    fn fetch_again(&self, request: &Request, archs: Vec<String>) -> Result<()> {
        match &request.fetch {
            Some(options) => self.fetch(options, &Wanted::These(archs), Use::Always).map(drop),
            None => Err(damaged(&archs)),
        }
    }

    /// Runs a program of each item that has one.
    pub(super) fn probe(&self, items: &[&Item]) -> Result<Vec<Option<Ran>>> {
        let mut probes = Vec::new();
        let mut at = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if let Some(program) = self.program(item) {
                probes.push(Probe::new(program)?);
                at.push(index);
            }
        }
        let mut results: Vec<Option<Ran>> = items.iter().map(|_| None).collect();
        for (index, ran) in at.into_iter().zip(probe::run(&probes)) {
            results[index] = Some(ran);
        }
        Ok(results)
    }

    fn program(&self, item: &Item) -> Option<&[u8]> {
        let plain = item.name.strip_prefix(&self.prefix).unwrap_or(&item.name);
        let rule = self.profiles.named(&item.profile)?.rules.iter().find(|r| r.entry == plain)?;
        rule.probe.as_deref()
    }

    /// Runs one program that ran before: the label of it when it does not run any more.
    fn stopped(&self, rows: &[Row]) -> Result<Option<String>> {
        let stays = |row: &&Row| match row.state {
            State::Added | State::Replaced | State::Enabled | State::Kept => {
                !matches!(row.outcome, Some(Outcome::Fails(_)))
            }
            State::Removed | State::Skipped(_) | State::Failed(_) => false,
        };
        let Some((row, program)) = rows.iter().filter(stays).find_map(|r| Some((r, self.program(&r.item)?))) else {
            return Ok(None);
        };
        let probe = Probe::new(program)?;
        let works = probe::run(&[probe]).iter().all(|ran| ran.outcome.works());
        Ok((!works).then(|| row.item.label.clone()))
    }

    /// An entry of an emulator that a container needs at the same path.
    fn no_fix_binary(&self, rows: &[Row]) -> Option<Advice> {
        let bare = rows.iter().filter(|row| self.program(&row.item).is_some());
        let entry = bare.filter_map(|row| row.entry.as_ref()).find(|entry| !entry.flags.has(Flags::F))?;
        Some(Advice::NoFixBinary { path: entry.handler() })
    }

    fn not_kept(&self, identity: &Identity, failures: Vec<Error>) -> Error {
        let reasons: Vec<String> = failures.iter().map(Error::to_string).collect();
        let denied = failures.iter().all(|e| e.errno() == Some(nix::libc::EPERM)) && !failures.is_empty();
        let error = Error::failed("registering entries that last", reasons.join("; "));
        if denied {
            return error
                .with_status(Status::Unknown)
                .help(format!("this container may not mount: {}", identity.privileged()));
        }
        error.help(format!(
            "run `mount -t binfmt_misc binfmt_misc {}` on the host and try again, or keep this container with --hold",
            self.host.table.display()
        ))
    }
}

impl Installed {
    /// `all` that found no emulator at all has done nothing that anybody wanted.
    ///
    /// # Errors
    /// In that case.
    pub fn check(&self, request: &Request) -> Result<()> {
        let idle = |row: &Row| matches!(row.state, State::Skipped(Skip::NoEmulator(_) | Skip::Native));
        if request.selection.all
            && self.rows.iter().any(|r| matches!(r.state, State::Skipped(Skip::NoEmulator(_))))
            && self.rows.iter().all(idle)
        {
            let why = format!("there is none in {}", request.places.describe());
            return Err(Error::failed("looking for emulators", why)
                .help("install your distribution's qemu-user-static, or name their directory with --emulators DIR"));
        }
        Ok(())
    }
}

/// The error where what is in the store is not what was verified.
fn damaged(archs: &[String]) -> Error {
    let why = format!("the emulators of {} in the store are not the bytes that were verified", archs.join(" "));
    Error::failed("registering emulators", why).help("`rbinfmt fetch` fetches them again")
}

/// A container without the rights for any of this gets one sentence.
fn refused(start: &Start, error: Error) -> Error {
    let denied = matches!(error.errno(), Some(nix::libc::EPERM | nix::libc::EACCES | nix::libc::EROFS));
    if denied && !start.identity.on_host() { error.with_status(Status::Unknown) } else { error }
}

/// Kept entries were tried when the facts were gathered.
fn with_facts(mut rows: Vec<Row>, facts: &Facts) -> Vec<Row> {
    for row in &mut rows {
        if matches!(row.state, State::Kept | State::Enabled) {
            row.outcome = facts.probes.get(&row.item.name).map(|ran| ran.outcome.clone());
        }
    }
    rows
}

fn held_by(rows: &[Row], way: Way, hold: bool, unheld: bool, identity: &Identity) -> Option<HeldBy> {
    if !rows.iter().any(|r| matches!(r.state, State::Kept) || r.entry.is_some()) {
        return None;
    }
    let registered = rows.iter().any(|r| matches!(r.state, State::Added | State::Replaced | State::Enabled));
    Some(match way {
        Way::Mount if hold => HeldBy::Process,
        Way::Present | Way::Mount if identity.on_host() => HeldBy::Mount,
        Way::Present | Way::Mount => HeldBy::Namespace,
        Way::OnHost => HeldBy::HostMount,
        Way::Entries if registered && !unheld => HeldBy::Entries,
        Way::Entries => HeldBy::Elsewhere,
    })
}
