//! What will be done.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use super::environment::{self, Environment};
use super::obstacle;
use super::root::View;
use super::{Request, program};
use crate::binfmt::entry::Entry;
use crate::error::{Error, Result};
use crate::exec::facts::ExecFacts;
use crate::exec::root::Root;
use crate::profile::Profile;
use crate::registrar::facts::Facts;
use crate::registrar::plan::{self as table, Item};
use crate::registrar::{Registrar, Selection};

/// What will be done.
#[derive(Debug)]
pub struct Plan {
    /// How the program comes to its emulator.
    pub way: Way,
    /// What is seen below the root directory.
    pub view: View,
    /// The path of the program, in that root.
    pub path: PathBuf,
    /// argv
    pub command: Vec<OsString>,
    /// The caller is root there, with these numbers of users and groups: first, and how many.
    pub as_root: bool,
    /// Of the program: the entries that its own chain of interpreters goes through.
    pub used: Vec<String>,
    /// Of the environment: what was left out, and which option an emulator would have taken it for.
    pub left_out: Vec<(&'static str, &'static str)>,
    pub(super) environment: Environment,
    pub(super) is_text: bool,
}

/// How the program comes to its emulator.
#[derive(Debug)]
pub enum Way {
    /// Through a table of its own, with these entries.
    Table(Box<Table>),
    /// The emulator is the program that is started; there is no table, for this reason. Its children are not emulated.
    Emulator(Error),
}

/// A table of the program's own.
#[derive(Debug)]
pub struct Table {
    pub(super) facts: Facts,
    pub(super) plan: table::Plan,
    /// The profiles of emulators that were not yet seen to pass argv\[0\] on.
    pub(super) doubtful: BTreeSet<String>,
}

impl Table {
    /// The entries.
    pub fn entries(&self) -> Vec<Entry> {
        self.plan.entries(&[])
    }

    /// Whether a program is to be run through an entry before it counts.
    pub(super) fn is_doubtful(&self, item: &Item) -> bool {
        self.doubtful.contains(&item.profile)
    }
}

impl Plan {
    /// Finds out what to do. Fetches what is missing.
    ///
    /// # Errors
    /// There is no such program, or it cannot be executed (exit status 127, 126); no emulator can be had; a root directory
    /// that cannot be used. Where the machine allows no table of one's own, and the program needs more than an emulator.
    pub fn make(registrar: &Registrar, request: &Request) -> Result<Plan> {
        let Some(name) = request.command.first() else {
            return Err(Error::usage("starting a program", "none is named"));
        };
        let machine = obstacle::Facts::gather();
        let obstacle = machine.obstacle();
        if !machine.has_proc
            && let Some(obstacle) = obstacle
        {
            return Err(obstacle);
        }
        let environment = Environment::of(environment::inherited(), &request.variables, &request.emulation);
        let root = match &request.root {
            Some(directory) => Root::below(directory)?,
            None => Root::own(),
        };
        let path = program::find(name, environment.get("PATH"), &root)?;
        have(registrar, &request.archs, request)?;
        let exec = ExecFacts::gather(&registrar.host.table);
        let mut fetched: Option<String> = None;
        let (facts, table, verdict) = loop {
            let (facts, table) = registrar.plan_afresh(&every(registrar))?;
            let verdict = program::judge(&exec, &table.entries(&[]), &root, &request.command, &path);
            match program::lacking(&verdict, &registrar.profiles) {
                Some(profile) if fetched.as_ref() != Some(&profile.name) && may_fetch(registrar, request) => {
                    fetched = Some(profile.name.clone());
                    have(registrar, std::slice::from_ref(&profile.name), request)?;
                }
                _ => break (facts, table, verdict),
            }
        };
        let used = program::used(&verdict);
        let mut plan = Plan {
            view: View::of(request)?,
            path,
            command: request.command.clone(),
            as_root: request.as_root,
            left_out: environment.left_out.clone(),
            environment,
            is_text: program::is_text(&verdict),
            used: used.iter().map(ToString::to_string).collect(),
            way: Way::Table(Box::new(Table { doubtful: doubtful(registrar, &table, &used)?, facts, plan: table })),
        };
        if let Some(obstacle) = obstacle {
            let entries = match &plan.way {
                Way::Table(table) => table.entries(),
                Way::Emulator(_) => Vec::new(),
            };
            plan.without_table(obstacle, program::directly(&verdict, &entries))?;
        }
        Ok(plan)
    }

    /// Starts the emulator itself, where that is enough.
    fn without_table(&mut self, obstacle: Error, command: Option<Vec<OsString>>) -> Result<()> {
        if !self.view.is_own() || self.as_root {
            return Err(obstacle);
        }
        if let Some(command) = command {
            self.path = command.first().map(PathBuf::from).unwrap_or_default();
            self.command = command;
        }
        self.way = Way::Emulator(obstacle);
        Ok(())
    }
}

/// All emulators that are here.
fn every(registrar: &Registrar) -> crate::registrar::Request<'_> {
    let profiles: Vec<&Profile> = registrar.profiles.iter().filter(|profile| profile.is_emulated()).collect();
    let mut request = registrar.request(Selection { profiles, all: true });
    request.verify = false;
    request
}

fn may_fetch(registrar: &Registrar, request: &Request) -> bool {
    registrar.places.store.is_some() || request.fetch.from.is_some()
}

/// The profiles whose emulators have to be tried: the store's that were not yet seen to pass argv\[0\] on, and of others'
/// those that the program itself needs.
fn doubtful(registrar: &Registrar, plan: &table::Plan, used: &[bstr::BString]) -> Result<BTreeSet<String>> {
    let current = match &registrar.store {
        Some(store) if registrar.places.store.is_some() => store.all_current()?,
        _ => Default::default(),
    };
    let is_doubtful = |item: &&Item| match plan.changed().find(|(other, _)| other.name == item.name) {
        None => false,
        Some((_, change)) => {
            let interpreter =
                change.entry.interpreter.as_ref().and_then(|path| bstr::ByteSlice::to_path(&path[..]).ok());
            let fetched = current.get(&item.profile).filter(|e| interpreter == Some(e.path.as_path()));
            let in_chain = used.iter().any(|name| name == item.name.as_str());
            fetched.map_or(in_chain, |emulator| emulator.preserves_argv0 != Some(true))
        }
    };
    Ok(plan.items.iter().filter(is_doubtful).map(|item| item.profile.clone()).collect())
}

/// Fetches the emulators of these architectures that are missing.
fn have(registrar: &Registrar, archs: &[String], request: &Request) -> Result<()> {
    match archs {
        [] => Ok(()),
        archs => registrar.supply(&registrar.request(registrar.select(archs)?).fetching(&request.fetch)),
    }
}
