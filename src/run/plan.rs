//! What will be done.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::environment::{self, Emulation, Environment, Variable};
use super::obstacle;
use super::root::View;
use super::{Kept, Request, image, program, sysroot};
use crate::binfmt::entry::Entry;
use crate::config;
use crate::emulators::find::Found;
use crate::error::{Error, Result};
use crate::exec::Verdict;
use crate::exec::facts::ExecFacts;
use crate::exec::root::Root;
use crate::oci::config::Config;
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
    /// Who the program is in its namespace.
    pub who: Who,
    /// Of the program: the entries that its own chain of interpreters goes through.
    pub used: Vec<String>,
    /// Of the environment: what was left out, and which option an emulator would have taken it for.
    pub left_out: Vec<(&'static str, &'static str)>,
    /// Below which directory its libraries are looked for first.
    pub sysroot: Option<PathBuf>,
    /// The table stays under this name.
    pub keep: Option<String>,
    /// Libraries that were found nowhere.
    pub missing: Vec<String>,
    pub(super) environment: Environment,
    pub(super) is_text: bool,
}

/// Who the program is in its namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    /// The caller.
    Caller,
    /// Root: the caller, and with `subordinate` users more than one.
    Root {
        /// Those of /etc/subuid and /etc/subgid.
        subordinate: bool,
    },
    /// An image's own user and group. They are the caller, unless that is root.
    User(u32, u32),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Caller => f.write_str("caller"),
            Who::Root { subordinate: false } => f.write_str("root"),
            Who::Root { subordinate: true } => f.write_str("root and others"),
            Who::User(uid, gid) => write!(f, "{uid}:{gid}"),
        }
    }
}

/// How the program comes to its emulator.
#[derive(Debug)]
pub enum Way {
    /// Through a table of its own, with these entries.
    Table(Box<Table>),
    /// The emulator is the program that is started; there is no table, for this reason. Its children are not emulated.
    Emulator(Error),
    /// Through a table that was kept.
    Kept(Kept),
}

/// A table of the program's own.
#[derive(Debug)]
pub struct Table {
    pub(super) facts: Facts,
    pub(super) plan: table::Plan,
    /// The profiles of emulators that were not yet seen to pass argv\[0\] on.
    pub(super) doubtful: BTreeSet<String>,
    /// What execve(2) does with the program there.
    verdict: Verdict,
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
        let machine = obstacle::Facts::gather();
        let obstacle = machine.obstacle();
        if !machine.has_proc
            && let Some(obstacle) = obstacle
        {
            return Err(obstacle);
        }
        if let Some(name) = &request.join {
            return Plan::join(registrar, request, Kept::find(&registrar.store()?, name)?);
        }
        let tree = image::tree(registrar, request)?;
        let root = match &tree {
            Some(tree) => Root::below(&tree.directory)?,
            None => Root::own(),
        };
        let config = tree.as_ref().and_then(|tree| tree.config.as_ref());
        let (who, inherited) = who(request, config, &root)?;
        let mut environment = Environment::of(inherited, &request.variables, &request.emulation);
        let own = config.filter(|_| request.command.is_empty()).map(Config::argv).unwrap_or_default();
        let command: Vec<OsString> =
            own.into_iter().map(OsString::from).chain(request.command.iter().cloned()).collect();
        let Some(name) = command.first() else {
            return Err(Error::usage("starting a program", "none is named").help("`rbinfmt help run` has examples"));
        };
        let path = program::find(name, environment.get("PATH"), &root)?;
        have(registrar, &request.archs, request)?;
        let (facts, table, verdict) = chain(registrar, request, &root, (&command, &path))?;
        let used = program::used(&verdict);
        if let Some(emulation) = configured(registrar, &table, &used)? {
            environment.add_options(&emulation);
        }
        let provided = match environment.get(sysroot::VARIABLE) {
            Some(_) => Default::default(),
            None => sysroot::provide(registrar, request, &root, &verdict)?,
        };
        environment.add(sysroot::VARIABLE, provided.prefix.as_deref());
        let mut plan = Plan {
            view: View::of(request, tree.as_ref())?,
            sysroot: provided.prefix,
            keep: request.keep.clone(),
            missing: provided.missing,
            path,
            command,
            who,
            left_out: environment.left_out.clone(),
            environment,
            is_text: program::is_text(&verdict),
            used: used.iter().map(ToString::to_string).collect(),
            way: Way::Table(Box::new(Table {
                doubtful: doubtful(registrar, &facts, &table, &used),
                facts,
                plan: table,
                verdict,
            })),
        };
        if let Some(obstacle) = obstacle {
            plan.without_table(obstacle)?;
        }
        Ok(plan)
    }

    /// A program in a table that was kept. What its name means is found there.
    fn join(registrar: &Registrar, request: &Request, kept: Kept) -> Result<Plan> {
        let Some(name) = request.command.first() else {
            return Err(Error::usage("starting a program", "none is named"));
        };
        let mut environment = Environment::of(environment::inherited(), &request.variables, &request.emulation);
        let sysroot =
            sysroot::fetched(registrar).filter(|_| kept.root.is_none() && environment.get(sysroot::VARIABLE).is_none());
        environment.add(sysroot::VARIABLE, sysroot.as_deref());
        Ok(Plan {
            path: name.into(),
            command: request.command.clone(),
            who: kept.who,
            view: View { directory: request.directory.clone(), ..View::default() },
            way: Way::Kept(kept),
            used: Vec::new(),
            left_out: environment.left_out.clone(),
            sysroot,
            keep: None,
            missing: Vec::new(),
            environment,
            is_text: false,
        })
    }

    /// Starts the emulator itself, where that is enough.
    pub(super) fn without_table(&mut self, obstacle: Error) -> Result<()> {
        if !self.view.is_own() || self.who != Who::Caller || self.keep.is_some() {
            return Err(obstacle);
        }
        if let Way::Table(table) = &self.way
            && let Some(command) = program::directly(&table.verdict, &table.entries())
        {
            self.path = command.first().map(PathBuf::from).unwrap_or_default();
            self.command = command;
        }
        self.way = Way::Emulator(obstacle);
        Ok(())
    }
}

/// Who the program is, and the environment that it has from there.
fn who(request: &Request, config: Option<&Config>, root: &Root) -> Result<(Who, Vec<Variable>)> {
    let Some(config) = config else {
        let who = if request.as_root { Who::Root { subordinate: true } } else { Who::Caller };
        return Ok((who, environment::inherited()));
    };
    let (uid, gid, home) = image::user(config, root)?;
    let is_root = (uid, gid) == (0, 0) || request.as_root;
    let who = if is_root { Who::Root { subordinate: request.as_root } } else { Who::User(uid, gid) };
    Ok((who, image::environment(config, &home)))
}

/// The entries of a table of the program's own, and what execve(2) does with the program there. An emulator that its chain
/// lacks is fetched.
fn chain(
    registrar: &Registrar,
    request: &Request,
    root: &Root,
    (command, path): (&[OsString], &Path),
) -> Result<(Facts, table::Plan, Verdict)> {
    let exec = ExecFacts::gather(&registrar.host.table);
    let mut fetched: Option<String> = None;
    loop {
        let (facts, table) = registrar.plan_afresh(&every(registrar, &exec))?;
        let verdict = program::judge(&exec, &table.entries(&[]), root, command, path);
        match program::lacking(&verdict, &registrar.profiles) {
            Some(profile) if fetched.as_ref() != Some(&profile.name) && may_fetch(registrar, request) => {
                fetched = Some(profile.name.clone());
                have(registrar, std::slice::from_ref(&profile.name), request)?;
            }
            _ => return Ok((facts, table, verdict)),
        }
    }
}

/// All emulators that are here, but for those of the CPU's own 32-bit mode: to ask the kernel with a program of it would take
/// as long as all the rest.
fn every<'a>(registrar: &'a Registrar, exec: &ExecFacts) -> crate::registrar::Request<'a> {
    let native = |profile: &Profile| exec.compat && profile.native_on.contains(&exec.kernel.machine);
    let wanted = registrar.profiles.iter().filter(|profile| profile.is_emulated() && !native(profile));
    let profiles: Vec<&Profile> = wanted.collect();
    let mut request = registrar.request(Selection { profiles, all: true });
    request.verify = false;
    request
}

fn may_fetch(registrar: &Registrar, request: &Request) -> bool {
    registrar.places.store.is_some() || request.fetch.from.is_some()
}

/// The profiles whose emulators have to be tried: the store's that were not yet seen to pass argv\[0\] on, and of others'
/// those that the program itself needs.
fn doubtful(registrar: &Registrar, facts: &Facts, plan: &table::Plan, used: &[bstr::BString]) -> BTreeSet<String> {
    let kept = |found: &&Found| registrar.places.store.as_ref().is_some_and(|store| found.path.starts_with(store));
    let is_doubtful = |item: &&Item| match facts.emulators.get(&item.profile).filter(kept) {
        Some(found) => found.preserves_argv0 != Some(true),
        None => used.iter().any(|name| name == item.name.as_str()),
    };
    plan.items.iter().filter(is_doubtful).map(|item| item.profile.clone()).collect()
}

/// What the configuration says of the emulator that runs the program itself.
fn configured(registrar: &Registrar, plan: &table::Plan, used: &[bstr::BString]) -> Result<Option<Emulation>> {
    let Some(item) = plan.items.iter().find(|item| used.iter().any(|name| name == item.name.as_str())) else {
        return Ok(None);
    };
    for (arch, emulation) in config::Emulation::load(|name| std::env::var_os(name))? {
        if registrar.profiles.find(&arch)?.name == item.profile {
            return Ok(Some(emulation.into()));
        }
    }
    Ok(None)
}

/// Fetches the emulators of these architectures that are missing.
fn have(registrar: &Registrar, archs: &[String], request: &Request) -> Result<()> {
    match archs {
        [] => Ok(()),
        archs => registrar.supply(&registrar.request(registrar.select(archs)?).fetching(&request.fetch)),
    }
}
