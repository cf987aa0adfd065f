//! Carries a plan out, so that every architecture which had a handler has one between any two writes to the table.
//!
//! New entries go next to the old ones first. A failure until then takes them away again: nothing else was touched. From the
//! moment that programs ran through a new entry it goes only forward: an old entry that cannot be removed, or a stand-in
//! that does not get its name, is said in the row of its architecture, and the next run finishes it. At the end the table
//! is read back, since others write to it too.

use std::io::ErrorKind;
use std::path::Path;

use bstr::{BStr, BString, ByteSlice};
use nix::errno::Errno;
use serde::Serialize;

use crate::binfmt::entry::{Entry, Flags};
use crate::binfmt::register;
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::probe::{Outcome, Ran};
use crate::registrar::journal::{self, Journal, again};
use crate::registrar::plan::{Change, Item, Plan, STAND_IN, Skip, Step};
use crate::registrar::session::{Others, Session};
use crate::trust::{Trust, Trusted};

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The item.
    pub item: Item,
    /// What became of it.
    pub state: State,
    /// The entry that is in the table for it now.
    pub entry: Option<Entry>,
    /// Whether a program of the architecture ran; `None` where that was not tried.
    pub outcome: Option<Outcome>,
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It was as wanted.
    Kept,
    /// It is new.
    Added,
    /// It is new, and took an older one's place.
    Replaced,
    /// It was enabled.
    Enabled,
    /// It is gone.
    Removed,
    /// Nothing was to be done.
    Skipped(Skip),
    /// It was not done, and why.
    Failed(String),
}

/// Runs a program of each item; `None` for an item that has none.
pub type Prober<'a> = dyn FnMut(&[&Item]) -> Result<Vec<Option<Ran>>> + 'a;

struct Work<'a> {
    session: &'a mut Session,
    kernel: &'a Kernel,
    journal: Journal,
}

/// An entry that is registered and still has to be tried.
struct Pending {
    row: usize,
    /// Under which name it is in the table now.
    name: BString,
    change: Change,
    /// What it takes the place of.
    old: Vec<BString>,
}

/// Carries out `plan`, which was made over the entries `before`; `prober` is left out where nothing is to be tried.
///
/// # Errors
/// What failed before anything was verified; the table is as it was then, or the error says what is not.
pub fn apply(
    plan: Plan,
    before: &[Entry],
    session: &mut Session,
    kernel: &Kernel,
    prober: Option<&mut Prober>,
) -> Result<Vec<Row>> {
    let changes = plan.changes();
    let mut work = Work { session, kernel, journal: Journal::default() };
    let mut rows: Vec<Row> = Vec::new();
    let mut pending = Vec::new();
    for item in plan.items {
        match work.first_step(&item, rows.len()) {
            Ok((state, new)) => {
                pending.extend(new);
                let entry = match state {
                    State::Kept | State::Enabled => before.iter().find(|entry| entry.name == item.name.as_bytes()),
                    _ => None,
                };
                let entry = entry.cloned();
                rows.push(Row { item, state, entry, outcome: None });
            }
            Err(error) => return Err(work.undo(error)),
        }
    }
    if let Some(prober) = prober {
        pending = match work.try_out(&mut rows, pending, prober) {
            Ok(tried) => tried,
            Err(error) => return Err(work.undo(error)),
        };
    }
    for new in pending {
        let row = &mut rows[new.row];
        row.entry = Some(new.change.entry.clone());
        if let Err(why) = work.settle(&row.item.label, new) {
            row.state = State::Failed(why);
        }
    }
    for at in 0..rows.len() {
        if rows[at].item.step == Step::Remove {
            rows[at].state = work.remove_old(&rows, &rows[at].item.name);
        }
    }
    if changes && work.session.others() == Others::Some {
        work.read_back(&mut rows);
    }
    Ok(rows)
}

impl Work<'_> {
    /// Everything that removes nothing.
    fn first_step(&mut self, item: &Item, row: usize) -> Result<(State, Option<Pending>)> {
        Ok(match &item.step {
            Step::Keep => (State::Kept, None),
            Step::Skip(why) => (State::Skipped(why.clone()), None),
            Step::Refuse(why) => (State::Failed(why.clone()), None),
            Step::Remove => (State::Removed, None),
            Step::Enable => {
                let name = item.name.as_bytes();
                again(|| self.session.table.enable(name))?;
                self.journal.enabled(&item.label, name.into());
                (State::Enabled, None)
            }
            Step::Add(change) => {
                let name = change.entry.name.clone();
                match self.register(&item.label, &change.entry) {
                    // Another tool has made one since the table was read: that costs no other architecture.
                    Err(error) if error.errno() == Some(Errno::EEXIST as i32) => {
                        return Ok((State::Failed(format!("{error}; the same command tries again")), None));
                    }
                    registered => registered?,
                }
                (State::Added, Some(Pending { row, name, change: change.clone(), old: Vec::new() }))
            }
            Step::Replace(change, old) => {
                let name = self.register_beside(&item.label, &change.entry, old.contains(&change.entry.name))?;
                (State::Replaced, Some(Pending { row, name, change: change.clone(), old: old.clone() }))
            }
        })
    }

    fn register(&mut self, label: &str, entry: &Entry) -> Result<()> {
        let string = register::compose(entry, self.kernel)
            .map_err(|mistake| Error::failed(format!("registering {}", entry.name), mistake))?;
        let interpreter = self.interpreter_of(entry)?;
        let mut tries = 0;
        let registered = again(|| {
            tries += 1;
            self.session.register(&entry.name, &string)
        });
        if let Err(error) = registered {
            // What got lost may have been the answer and not the entry.
            let may_be_ours = tries > 1 || error.errno() != Some(Errno::EEXIST as i32);
            let there = || again(|| self.session.table.entry(&entry.name)).ok().flatten();
            if !may_be_ours || !there().is_some_and(|there| there.is_like(entry)) {
                return Err(match error.errno() {
                    // With flag F the kernel opens it now.
                    Some(nix::libc::ENOENT) => {
                        let why = format!("its interpreter {} is not there", entry.handler());
                        Error::failed(format!("registering {}", entry.name), why)
                    }
                    _ => error,
                });
            }
        }
        self.journal.registered(label, entry);
        if interpreter.is_some_and(|file| !file.is_at_its_path()) {
            self.withdraw(&entry.name)?;
            let why = format!("{} was replaced meanwhile", entry.handler());
            return Err(Error::failed(format!("registering {}", entry.name), why).help("try again"));
        }
        Ok(())
    }

    /// The interpreter of an entry that gives it root's rights, open: nobody but root can put another file in its place. Where
    /// nobody else uses the table, there are no rights to give.
    fn interpreter_of(&self, entry: &Entry) -> Result<Option<Trusted>> {
        let gives_rights = entry.flags.has(Flags::C) || entry.flags.has(Flags::F);
        let is_root = nix::unistd::geteuid().is_root() && self.session.others() == Others::Some;
        let path = entry.interpreter.as_ref().and_then(|path| path.to_path().ok());
        let Some(path) = path.filter(|_| gives_rights && is_root) else { return Ok(None) };
        let doing = || format!("registering {}", entry.name);
        match Trust::of_root(Path::new("/")).open(path) {
            Ok(Ok(file)) => Ok(Some(file)),
            Ok(Err(writable)) => Err(writable.error(doing())),
            // The kernel says so too.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(doing(), error)),
        }
    }

    /// Registers under another name while the entry's own is `taken`: the newest entry wins, so there is no moment
    /// without a handler.
    fn register_beside(&mut self, label: &str, entry: &Entry, taken: bool) -> Result<BString> {
        if !taken {
            self.register(label, entry)?;
            return Ok(entry.name.clone());
        }
        let mut last = None;
        for n in 0..9 {
            let suffix = if n == 0 { String::new() } else { format!(".{n}") };
            let name = BString::from(format!("{STAND_IN}{}{suffix}", entry.name));
            match self.register(label, &Entry { name: name.clone(), ..entry.clone() }) {
                Ok(()) => return Ok(name),
                // A run that was killed left one behind.
                Err(error) if error.errno() == Some(nix::libc::EEXIST) => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| Error::failed("registering", "every name is in use")))
    }

    /// Runs a program of each new entry. Where flag P does not suit the emulator, the other choice is tried; an entry
    /// that does not work is undone, and its row says why.
    fn try_out(&mut self, rows: &mut [Row], pending: Vec<Pending>, prober: &mut Prober) -> Result<Vec<Pending>> {
        let items: Vec<&Item> = pending.iter().map(|p| &rows[p.row].item).collect();
        let first = prober(&items)?;
        let mut tried = Vec::new();
        for (mut new, ran) in pending.into_iter().zip(first) {
            let row = &mut rows[new.row];
            let Some(mut outcome) = ran.map(|ran| ran.outcome.under(new.change.entry.flags)) else {
                tried.push(new);
                continue;
            };
            let other = matches!(outcome, Outcome::Works { argv0: false } | Outcome::Fails(_));
            if other && let Some(why) = self.disturbed(new.name.as_bstr(), &new.change.entry) {
                outcome = Outcome::Unclear(why);
            } else if other && new.change.try_preserve {
                outcome = self.try_other(&mut new, &row.item, outcome, prober);
            }
            row.outcome = Some(outcome.clone());
            let why = match outcome {
                Outcome::Works { .. } => {
                    tried.push(new);
                    continue;
                }
                Outcome::Fails(why) => why.to_string(),
                Outcome::Unclear(why) => format!("whether it works could not be determined: {why}; try again"),
            };
            row.state = State::Failed(match self.withdraw(&new.name) {
                Ok(()) => why,
                Err(error) => format!("{why}; {}", self.remains(&new.name, &error)),
            });
        }
        Ok(tried)
    }

    /// The same entry with the other choice of flag P; the better one of the two stays.
    fn try_other(&mut self, new: &mut Pending, item: &Item, outcome: Outcome, prober: &mut Prober) -> Outcome {
        let flags = new.change.entry.flags;
        let flags = if flags.has(Flags::P) { flags.without(Flags::P) } else { flags.with(Flags::P) };
        let other = Entry { flags, ..new.change.entry.clone() };
        let name = match self.register_beside(&item.label, &other, true) {
            Ok(name) => name,
            Err(error) => return Outcome::Unclear(error.to_string()),
        };
        let ran = prober(&[item]).map(|ran| ran.into_iter().next().flatten().map(|ran| ran.outcome.under(flags)));
        let (loser, result) = match ran {
            Ok(Some(Outcome::Works { argv0 })) if argv0 || !outcome.works() => {
                match self.disturbed(name.as_bstr(), &other) {
                    Some(why) => (name, Outcome::Unclear(why)),
                    None => {
                        new.change.entry = other;
                        (std::mem::replace(&mut new.name, name), Outcome::Works { argv0 })
                    }
                }
            }
            Ok(Some(Outcome::Unclear(why))) => (name, Outcome::Unclear(why)),
            Err(error) => (name, Outcome::Unclear(error.to_string())),
            Ok(_) => (name, outcome),
        };
        match self.withdraw(&loser) {
            Ok(()) => result,
            // The newer of the two is the one that runs, whichever that is.
            Err(error) => Outcome::Unclear(self.remains(&loser, &error)),
        }
    }

    /// Why a trial says nothing of the entry that is in the table as `name`: another tool has changed the table meanwhile.
    fn disturbed(&self, name: &BStr, entry: &Entry) -> Option<String> {
        let listing = match again(|| self.session.table.list()) {
            Ok(listing) => listing,
            Err(error) => return Some(error.to_string()),
        };
        // The kernel asks the newest first.
        let newer = listing.entries.iter().take_while(|there| there.name != name);
        let mut theirs = newer.filter(|there| there.enabled && !self.journal.has(there.name.as_bstr()));
        if let Some(theirs) = theirs.find(|there| there.rule.overlaps(&entry.rule)) {
            return Some(format!("somebody registered {} meanwhile", theirs.name));
        }
        match listing.entries.iter().find(|there| there.name == name) {
            Some(there) if there.enabled && there.is_like(entry) => None,
            Some(_) => Some(format!("somebody changed {name} meanwhile")),
            None => Some(format!("somebody removed {name} meanwhile")),
        }
    }

    /// Takes back an entry that this run registered.
    fn withdraw(&mut self, name: &[u8]) -> Result<()> {
        self.journal.withdraw(&self.session.table, name)
    }

    fn remove(&self, name: &[u8]) -> Result<()> {
        journal::remove(&self.session.table, name)
    }

    /// Takes the old entries away, and gives the new one its name. Programs ran through the new one: whatever fails here,
    /// it stays under the name that it has.
    fn settle(&mut self, label: &str, new: Pending) -> Result<(), String> {
        let own = &new.change.entry.name;
        let stays =
            |error: &Error| format!("the entry {} runs it, but {error}; the same command finishes this", new.name);
        for old in &new.old {
            self.remove(old).map_err(|error| stays(&error))?;
        }
        if new.name != *own {
            self.register(label, &new.change.entry).map_err(|error| stays(&error))?;
            self.remove(&new.name).map_err(|error| self.remains(&new.name, &error))?;
        }
        Ok(())
    }

    /// Removes what the plan removes. A stand-in of an earlier run stays where the entry that should follow it failed.
    fn remove_old(&self, rows: &[Row], name: &str) -> State {
        let successor = rows.iter().find(|row| is_stand_in_of(name, &row.item.name) && row.item.step != Step::Remove);
        if successor.is_some_and(|row| matches!(row.state, State::Failed(_))) {
            return State::Skipped(Skip::StandsIn);
        }
        match self.remove(name.as_bytes()) {
            Ok(()) => State::Removed,
            Err(error) => State::Failed(error.to_string()),
        }
    }

    /// Holds the table against what was done: others may write to it at the same time.
    fn read_back(&self, rows: &mut [Row]) {
        let doing = "reading the table back";
        let now = again(|| self.session.table.list()).and_then(|now| now.readable(doing).map(|()| now.entries));
        for row in rows {
            let name = row.item.name.as_bytes();
            let there = now.as_ref().map(|now| now.iter().find(|e| e.name == name));
            let wrong = match (&row.state, there) {
                (State::Added | State::Replaced | State::Kept | State::Enabled | State::Removed, Err(error)) => {
                    error.to_string()
                }
                (State::Added | State::Replaced | State::Kept, Ok(there)) => match (there, &row.entry) {
                    (Some(there), Some(entry)) if there.enabled && there.is_like(entry) => continue,
                    (None, _) => format!("{doing}: somebody removed {}", row.item.name),
                    _ => format!("{doing}: somebody changed {}", row.item.name),
                },
                (State::Enabled, Ok(Some(there))) if there.enabled => continue,
                (State::Enabled, Ok(_)) => format!("{doing}: somebody switched {} off or removed it", row.item.name),
                (State::Removed, Ok(Some(_))) => format!("{doing}: {} is there again", row.item.name),
                _ => continue,
            };
            row.state = State::Failed(format!("{wrong}; the same command tries again"));
        }
    }

    /// Says that an entry of ours is still in the table, and how it goes.
    fn remains(&self, name: &[u8], error: &Error) -> String {
        format!("{error}; {}", journal::remover(&self.session.table, name))
    }

    /// Undoes everything because of this error.
    fn undo(self, error: Error) -> Error {
        self.journal.undo(&self.session.table, error)
    }
}

/// Whether `name` is a stand-in's for the entry `own`: "rbinfmt-new-qemu-arm", "rbinfmt-new-qemu-arm.2".
fn is_stand_in_of(name: &str, own: &str) -> bool {
    let rest = name.strip_prefix(STAND_IN).and_then(|rest| rest.strip_prefix(own));
    rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix('.').is_some_and(|n| n.parse::<u8>().is_ok()))
}
