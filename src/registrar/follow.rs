//! The table follows the store: what is registered for an architecture is the version that is in use for it.

use super::facts::Facts;
use super::plan::is_ours;
use super::session;
use super::{Installed, Registrar, Selection};
use crate::binfmt::entry::{Entry, Flags};
use crate::emulators::Emulator;
use crate::error::{Error, Result};
use crate::probe::{self, Failure, Outcome};
use crate::profile::{NamedRule, Profile};
use crate::trust;

/// Emulators that were run on a program of their target, without the kernel's table.
#[derive(Debug, Default)]
pub struct Tried<'a> {
    /// Those that ran it, or for whose target there is no program.
    pub good: Vec<&'a Emulator>,
    /// Those that did not, and why.
    pub bad: Vec<(&'a Emulator, Failure)>,
}

/// What came of letting the table follow the store.
#[derive(Debug)]
pub enum Followed {
    /// None of the emulators is registered: there was nothing to do.
    NotRegistered,
    /// The table could not be looked at, and nothing was changed.
    Unseen(Error),
    /// What was registered again.
    Done(Installed),
}

impl Registrar {
    /// Runs each emulator on a program of its target, without the kernel's table.
    ///
    /// # Errors
    /// Where a program cannot be made or started at all.
    pub fn try_all<'a>(&self, emulators: &[&'a Emulator]) -> Result<Tried<'a>> {
        let mut tried = Tried::default();
        for &emulator in emulators {
            let program = self.profiles.named(&emulator.arch).and_then(|p| p.rules.first()?.probe.clone());
            let Some(program) = program else {
                tried.good.push(emulator);
                continue;
            };
            trust::require(format!("trying {}", emulator.path.display()), &emulator.path)?;
            match probe::run_with(&emulator.path, &program)? {
                Outcome::Fails(why) => tried.bad.push((emulator, why)),
                Outcome::Unclear(why) => return Err(probe::unclear(&emulator.arch, &why)),
                Outcome::Works { .. } => tried.good.push(emulator),
            }
        }
        Ok(tried)
    }

    /// The facts, where the table can be looked at from here; the inner error says why it cannot.
    fn seen(&self) -> Result<Result<Facts, Error>> {
        match self.look(false) {
            Ok((facts, _)) => Ok(Ok(facts)),
            Err(error) if error.is_passing() || session::mounted(&self.host, false)?.is_visible() => Err(error),
            Err(error) => Ok(Err(error)),
        }
    }

    /// The entries of a table that can be looked at from here: their emulators are in use, whatever the store says.
    ///
    /// # Errors
    /// Where it could not be looked at this time.
    pub fn entries_seen(&self) -> Result<Vec<Entry>> {
        let Ok(facts) = self.seen()? else { return Ok(Vec::new()) };
        facts.table.readable("looking for emulators in use")?;
        Ok(facts.table.entries)
    }

    /// Entries of ours that hold another file than the one in use are replaced, without a moment in which a program finds
    /// no handler.
    ///
    /// # Errors
    /// Where the registration fails.
    pub fn follow(&self, chosen: &[Emulator]) -> Result<Followed> {
        let facts = match self.seen()? {
            Ok(facts) => facts,
            Err(unseen) => return Ok(Followed::Unseen(unseen)),
        };
        facts.table.readable("letting the table follow the store")?;
        let entries = &facts.table.entries;
        let ours = |entry: &&Entry| is_ours(entry, &self.profiles, &self.places);
        let is_registered = |rule: &NamedRule| entries.iter().filter(ours).any(|e| e.rule.same_meaning(&rule.rule));
        let registered = |profile: &&Profile| profile.rules.iter().any(is_registered);
        let of = |emulator: &Emulator| self.profiles.named(&emulator.arch);
        let profiles: Vec<&Profile> = chosen.iter().filter_map(of).filter(registered).collect();
        if profiles.is_empty() {
            return Ok(Followed::NotRegistered);
        }
        let mut request = self.request(Selection::of(profiles));
        // `--no-credentials` was asked for once, and is not forgotten with a new version.
        request.credentials = !entries.iter().filter(ours).any(|entry| !entry.flags.has(Flags::C));
        self.install(&request).map(Followed::Done)
    }
}
