//! Carries a plan out. What fails undoes what was done before it.

use bstr::BString;
use serde::Serialize;

use crate::binfmt::entry::{Entry, Flags};
use crate::binfmt::register;
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::probe::{Outcome, Ran};
use crate::registrar::plan::{Change, Item, Plan, STAND_IN, Skip, Step};
use crate::registrar::session::Session;

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

/// A way to undo a step.
enum Undo {
    Remove(BString),
    Disable(BString),
    Register(Box<Entry>),
}

struct Work<'a> {
    session: &'a mut Session,
    kernel: &'a Kernel,
    done: Vec<Undo>,
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

/// Carries out `plan`. `before` is the table as it was; `prober` is left out where nothing is to be tried.
pub fn apply(
    plan: Plan,
    before: &[Entry],
    session: &mut Session,
    kernel: &Kernel,
    prober: Option<&mut Prober>,
) -> Result<Vec<Row>> {
    let mut work = Work { session, kernel, done: Vec::new() };
    let mut rows: Vec<Row> = Vec::new();
    let mut standing = Vec::new();
    for item in plan.items {
        match work.first_step(&item, rows.len()) {
            Ok((state, stands)) => {
                standing.extend(stands);
                rows.push(Row { item, state, entry: None, outcome: None });
            }
            Err(error) => return Err(work.take_back(error)),
        }
    }
    if let Some(prober) = prober {
        standing = match work.try_out(&mut rows, standing, prober) {
            Ok(tried) => tried,
            Err(error) => return Err(work.take_back(error)),
        };
    }
    for stands in standing {
        rows[stands.row].entry = Some(stands.change.entry.clone());
        if let Err(error) = work.settle(stands) {
            return Err(work.take_back(error));
        }
    }
    for row in rows.iter().filter(|r| r.item.step == Step::Remove) {
        if let Err(error) = work.remove(row.item.name.as_bytes(), before) {
            return Err(work.take_back(error));
        }
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
                self.session.table.enable(item.name.as_bytes())?;
                self.done.push(Undo::Disable(item.name.as_str().into()));
                (State::Enabled, None)
            }
            Step::Add(change) => {
                let name = change.entry.name.clone();
                self.register(&change.entry)?;
                (State::Added, Some(Pending { row, name, change: change.clone(), old: Vec::new() }))
            }
            Step::Replace(change, old) => {
                let name = self.register_beside(&change.entry, old.contains(&change.entry.name))?;
                (State::Replaced, Some(Pending { row, name, change: change.clone(), old: old.clone() }))
            }
        })
    }

    fn register(&mut self, entry: &Entry) -> Result<()> {
        let string = register::compose(entry, self.kernel)
            .map_err(|mistake| Error::failed(format!("registering {}", entry.name), mistake))?;
        self.session.register(&entry.name, &string)?;
        self.done.push(Undo::Remove(entry.name.clone()));
        Ok(())
    }

    /// Registers under another name while the entry's own is `taken`: the newest entry wins, so there is no moment
    /// without a handler.
    fn register_beside(&mut self, entry: &Entry, taken: bool) -> Result<BString> {
        if !taken {
            self.register(entry)?;
            return Ok(entry.name.clone());
        }
        let mut last = None;
        for n in 0..9 {
            let suffix = if n == 0 { String::new() } else { format!(".{n}") };
            let name = BString::from(format!("{STAND_IN}{}{suffix}", entry.name));
            match self.register(&Entry { name: name.clone(), ..entry.clone() }) {
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
    fn try_out(&mut self, rows: &mut [Row], standing: Vec<Pending>, prober: &mut Prober) -> Result<Vec<Pending>> {
        let items: Vec<&Item> = standing.iter().map(|s| &rows[s.row].item).collect();
        let first = prober(&items)?;
        let mut tried = Vec::new();
        for (mut stands, ran) in standing.into_iter().zip(first) {
            let row = &mut rows[stands.row];
            let Some(mut outcome) = ran.map(|ran| ran.outcome.under(stands.change.entry.flags)) else {
                tried.push(stands);
                continue;
            };
            if outcome != (Outcome::Works { argv0: true }) && stands.change.try_preserve {
                outcome = self.try_other(&mut stands, &row.item, outcome, prober)?;
            }
            row.outcome = Some(outcome.clone());
            match outcome {
                Outcome::Works { .. } => tried.push(stands),
                Outcome::Fails(why) => {
                    row.state = State::Failed(why);
                    self.withdraw(&stands.name)?;
                }
            }
        }
        Ok(tried)
    }

    /// The same entry with the other choice of flag P; the better one of the two stays.
    fn try_other(
        &mut self,
        stands: &mut Pending,
        item: &Item,
        outcome: Outcome,
        prober: &mut Prober,
    ) -> Result<Outcome> {
        let flags = stands.change.entry.flags;
        let flags = if flags.has(Flags::P) { flags.without(Flags::P) } else { flags.with(Flags::P) };
        let other = Entry { flags, ..stands.change.entry.clone() };
        let name = self.register_beside(&other, true)?;
        let ran = prober(&[item])?.into_iter().next().flatten().map(|ran| ran.outcome.under(flags));
        let better = match &ran {
            Some(Outcome::Works { argv0 }) => *argv0 || !outcome.works(),
            _ => false,
        };
        let (loser, result) = match ran {
            Some(ran) if better => {
                stands.change.entry = other;
                (std::mem::replace(&mut stands.name, name), ran)
            }
            _ => (name, outcome),
        };
        self.withdraw(&loser)?;
        Ok(result)
    }

    /// Takes back an entry that this run registered.
    fn withdraw(&mut self, name: &[u8]) -> Result<()> {
        self.session.table.remove(name)?;
        self.done.retain(|undo| !matches!(undo, Undo::Remove(done) if done == name));
        Ok(())
    }

    /// Takes the old entries away, and gives the new one its name.
    fn settle(&mut self, stands: Pending) -> Result<()> {
        let name = &stands.change.entry.name;
        for old in &stands.old {
            self.session.table.remove(old)?;
        }
        if stands.name != *name {
            self.register(&stands.change.entry)?;
            self.withdraw(&stands.name)?;
        }
        Ok(())
    }

    fn remove(&mut self, name: &[u8], before: &[Entry]) -> Result<()> {
        self.session.table.remove(name)?;
        let entry = before.iter().find(|e| e.name == name).cloned();
        self.done.extend(entry.map(|e| Undo::Register(Box::new(e))));
        Ok(())
    }

    /// Undoes everything, newest first, and returns the error that was the reason; where something could not be undone,
    /// it says so too.
    fn take_back(mut self, error: Error) -> Error {
        let mut left = Vec::new();
        for undo in std::mem::take(&mut self.done).into_iter().rev() {
            let (name, undone) = match undo {
                Undo::Remove(name) => (name.clone(), self.session.table.remove(&name)),
                Undo::Disable(name) => (name.clone(), self.session.table.disable(&name)),
                Undo::Register(entry) => (entry.name.clone(), self.register(&entry)),
            };
            if undone.is_err_and(|e| e.errno() != Some(nix::libc::ENOENT)) {
                left.push(name.to_string());
            }
        }
        match &left[..] {
            [] => error,
            left => {
                let help = format!("could not be restored: {}; `rbinfmt status` shows the table", left.join(", "));
                error.help(help)
            }
        }
    }
}
