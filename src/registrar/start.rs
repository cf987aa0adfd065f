//! What is known before the table is reached, and the plan over a table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::facts::{self, Facts, Scope, TableFacts};
use super::plan::{self, Plan, Skip, Step};
use super::session::{self, Session};
use super::{Registrar, Request, supply};
use crate::binfmt::mounts::Mounted;
use crate::emulators::find::Found;
use crate::error::{Error, Result};
use crate::host::Identity;

/// What is known before the table is reached.
pub(super) struct Start {
    pub(super) identity: Identity,
    pub(super) mounted: Mounted,
    /// The emulators that were found, by the names of their profiles.
    pub(super) emulators: BTreeMap<String, Found>,
}

impl Start {
    pub(super) fn look(registrar: &Registrar, request: &Request) -> Result<Start> {
        let own = facts::own_target()?;
        let identity = Identity::own(&registrar.host);
        Ok(Start {
            mounted: session::mounted(&registrar.host, registrar.private && !identity.first_user_namespace)?,
            identity,
            emulators: request.places.find_all(&request.selection.profiles, &registrar.prefix, own)?,
        })
    }

    /// The plan over the table that a session has reached, and the facts that it was made from.
    pub(super) fn plan(&self, registrar: &Registrar, request: &Request, session: &Session) -> Result<(Facts, Plan)> {
        self.plan_over(registrar, request, (TableFacts::read(&session.table)?, true))
    }

    fn plan_over(
        &self,
        registrar: &Registrar,
        request: &Request,
        (table, gives_rights): (TableFacts, bool),
    ) -> Result<(Facts, Plan)> {
        table.readable("registering emulators")?;
        let scope = Scope {
            root: &registrar.root,
            profiles: &request.selection.profiles,
            emulators: &self.emulators,
            probe: request.verify,
            gives_rights,
        };
        let facts = Facts::gather(&registrar.host, self.mounted, table, &registrar.profiles, scope)?;
        if let Some(why) = &facts.emulated {
            return Err(Error::failed("registering emulators", format!("rbinfmt itself runs under one: {why}"))
                .help("use the build of rbinfmt for this machine; with docker, omit --platform"));
        }
        if !facts.table.enabled
            && let Some((entry, what)) = plan::hijacker(&facts, &registrar.profiles)
        {
            let name = crate::text::to_text(&entry.name);
            let why = format!("it is disabled, and has to stay so while it has the entry {name}, which matches {what}");
            let path = facts.table.path.join(&name);
            return Err(Error::failed(format!("using the table {}", facts.table.path.display()), why)
                .help(format!("`echo -1 > {}` in a shell removes the entry", path.display())));
        }
        if !facts.table.enabled && !request.force {
            let why = "it is disabled: the kernel consults no entry";
            let status = facts.table.path.join("status");
            return Err(Error::failed(format!("using the table {}", facts.table.path.display()), why)
                .help(format!("switch it on with `echo 1 > {}`, or add --force", status.display())));
        }
        let asked = plan::Install {
            profiles: &request.selection.profiles,
            all: request.selection.all,
            converge: request.converge,
            force: request.force,
            credentials: request.credentials,
            prefix: &registrar.prefix,
            places: &request.places,
        };
        let plan = plan::install(&asked, &registrar.profiles, &facts);
        Ok((facts, plan))
    }

    /// The directories that hold the emulators, without links.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        let real = |e: &Found| e.path.canonicalize().ok()?.parent().map(Path::to_owned);
        let mut directories: Vec<PathBuf> = self.emulators.values().filter_map(real).collect();
        directories.sort();
        directories.dedup();
        directories
    }
}

impl Registrar {
    /// The plan, without a change to anything.
    ///
    /// # Errors
    /// Where the table cannot be looked at from here, or is disabled.
    pub fn plan_only(&self, request: &Request) -> Result<(Facts, Plan)> {
        let start = Start::look(self, request)?;
        let session = Session::visit(&self.host, &start.identity, start.mounted, self.private)?;
        let planned = start.plan(self, request, &session);
        session.leave()?;
        let (facts, mut plan) = planned?;
        let to_fetch = supply::lacking(request, &start.emulators)?;
        for item in &mut plan.items {
            let lacks = to_fetch.as_ref().is_some_and(|wanted| wanted.has(&item.profile));
            if lacks && !matches!(item.step, Step::Skip(Skip::Native)) {
                item.step = Step::Skip(Skip::ToFetch);
            }
        }
        Ok((facts, plan))
    }

    /// The plan over an empty table: what the request means, wherever it is carried out.
    ///
    /// # Errors
    /// Where this machine cannot be looked at.
    pub fn plan_afresh(&self, request: &Request) -> Result<(Facts, Plan)> {
        let table = TableFacts::unseen(&self.host.table);
        // In a table of their own, others than root give nobody any right.
        let gives_rights = nix::unistd::geteuid().is_root();
        Start::look(self, request)?.plan_over(self, request, (table, gives_rights))
    }
}
