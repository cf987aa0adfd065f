//! `rbinfmt install`: registers emulators, verifies that they work, and that they will stay.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Context, may_not_change, supply};
use crate::binfmt::mounts::Mounted;
use crate::cli;
use crate::cli::fetch::SourceArgs;
use crate::config::Config;
use crate::elf::Target;
use crate::emulators::find::{Found, Places};
use crate::error::{Error, Result, Status};
use crate::host::Identity;
use crate::probe::{self, Outcome, Probe, Ran};
use crate::profile::Profile;
use crate::registrar::apply::{self, Row, State};
use crate::registrar::facts::{self, Facts, Scope, TableFacts};
use crate::registrar::plan::ways::{Keep, Situation, Way, ways};
use crate::registrar::plan::{self, Item, Plan, Skip, Step};
use crate::registrar::session::{self, Session};
use crate::report::rows::{HeldBy, Run};

/// What an installation is asked for.
#[derive(Debug)]
pub struct Request<'a> {
    /// The architectures.
    pub profiles: Vec<&'a Profile>,
    /// They were not named one by one.
    pub all: bool,
    /// Take away entries of ours that were not asked for.
    pub converge: bool,
    /// Where emulators are.
    pub places: Places,
    /// As on the command line.
    pub force: bool,
    /// Flag C.
    pub credentials: bool,
    /// Run a program of each architecture.
    pub verify: bool,
    /// Where missing emulators are fetched from; `None` where only those that are here count.
    pub supply: Option<SourceArgs>,
    /// How the table is kept.
    pub keep: Keep,
    /// A process of ours stays.
    pub hold: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Installed {
    /// One row for each item.
    pub rows: Vec<Row>,
    /// What keeps the entries.
    pub held_by: Option<HeldBy>,
    /// The table was mounted in this container before, and nothing shows by whom.
    pub unconfirmed: bool,
}

impl<'a> Request<'a> {
    /// For these architectures, with all else as usual, and of the emulators that are here.
    pub fn new(context: &Context, profiles: Vec<&'a Profile>, all: bool) -> Self {
        Request {
            profiles,
            all,
            converge: false,
            places: context.places.clone(),
            force: false,
            credentials: true,
            verify: true,
            supply: None,
            keep: Keep::Auto,
            hold: false,
        }
    }

    /// What the configuration says.
    pub fn of_config(context: &'a Context, config: &Config) -> Result<Self> {
        let (profiles, all) = select(context, &config.architectures)?;
        let mut request = Request::new(context, profiles, all);
        request.places = places(context, Some(config));
        (request.converge, request.credentials) = (true, config.credentials);
        Ok(request)
    }

    /// Lets missing emulators be fetched, unless only certain directories count.
    pub fn supplied(mut self, source: &SourceArgs) -> Self {
        self.supply = (self.places.store.is_some() || source.names_one()).then(|| source.clone());
        self
    }
}

/// Does it and prints what was done.
pub fn run(context: &Context, args: &cli::Install) -> Result<Status> {
    if let Some(tree) = &args.persist {
        return super::persist::run(context, args, tree);
    }
    let request = request(context, args)?;
    if args.dry_run {
        let plan = plan_only(context, &request)?.1;
        return Run::planned(&plan, &context.host.table).print(&context.printer, context.printer.verbose);
    }
    let installed = install(context, &request)?;
    let status = print(context, &request, &installed)?;
    super::enable::refresh(context, &installed.rows, request.converge);
    if args.holding.hold { super::hold::stay(context, &request, &args.holding, &installed, status) } else { Ok(status) }
}

/// Prints what was done, and what will be missed later.
pub fn print(context: &Context, request: &Request, installed: &Installed) -> Result<Status> {
    let run = Run::done(&installed.rows, &context.host.table, installed.held_by);
    let status = run.print(&context.printer, context.printer.verbose)?;
    nothing_at_all(request, &installed.rows)?;
    advise(context, installed);
    Ok(status)
}

fn request<'a>(context: &'a Context, args: &cli::Install) -> Result<Request<'a>> {
    let mut request = if args.archs.is_empty() {
        Request::of_config(context, &Config::read(&args.config)?)?
    } else {
        let (profiles, all) = select(context, &args.archs)?;
        Request::new(context, profiles, all)
    };
    request.force = args.force;
    request.credentials &= !args.no_credentials;
    request.verify = !args.no_verify;
    (request.keep, request.hold) = (args.keep, args.holding.hold);
    Ok(request.supplied(&args.source))
}

/// Where emulators are looked for: what a configuration says goes first.
pub fn places(context: &Context, config: Option<&Config>) -> Places {
    match config {
        Some(config) if !config.emulators.is_empty() => Places::named(&config.emulators),
        _ => context.places.clone(),
    }
}

/// The profiles that a list means; commas separate as blanks do. All names are read before anything is done.
pub fn select<'a>(context: &'a Context, archs: &[String]) -> Result<(Vec<&'a Profile>, bool)> {
    let names = archs.iter().flat_map(|a| a.split(',')).map(str::trim).filter(|a| !a.is_empty());
    let (mut profiles, mut all): (Vec<&Profile>, bool) = (Vec::new(), false);
    for name in names {
        if name.eq_ignore_ascii_case("all") {
            all = true;
        } else {
            let profile = context.profiles.find(name)?;
            if !profiles.iter().any(|p| p.name == profile.name) {
                profiles.push(profile);
            }
        }
    }
    if all {
        profiles = context.profiles.iter().filter(|p| p.is_emulated()).collect();
    }
    Ok((profiles, all))
}

/// The plan, without a change to anything.
pub fn plan_only(context: &Context, request: &Request) -> Result<(Facts, Plan)> {
    let start = Start::look(context, request)?;
    let session = Session::visit(&context.host, &start.identity, start.mounted, context.private)?;
    let planned = start.plan(context, request, &session);
    session.leave()?;
    let (facts, mut plan) = planned?;
    let named = request.supply.as_ref().is_some_and(SourceArgs::names_one);
    let to_fetch = supply::lacking(context, request, named, &start.emulators)?;
    for item in &mut plan.items {
        let lacks = to_fetch.as_ref().is_some_and(|wanted| wanted.has(&item.profile));
        if lacks && !matches!(item.step, Step::Skip(Skip::Native)) {
            item.step = Step::Skip(Skip::ToFetch);
        }
    }
    Ok((facts, plan))
}

/// The plan over an empty table: what the request means, wherever it is carried out.
pub fn plan_afresh(context: &Context, request: &Request) -> Result<(Facts, Plan)> {
    let table = TableFacts::unseen(&context.host.table);
    Start::look(context, request)?.plan_over(context, request, table)
}

/// What is known before the table is reached.
struct Start {
    identity: Identity,
    mounted: Mounted,
    emulators: BTreeMap<String, Found>,
}

impl Start {
    fn look(context: &Context, request: &Request) -> Result<Start> {
        let own: Target = facts::own_target(&context.host)?;
        let identity = Identity::own(&context.host);
        Ok(Start {
            mounted: session::mounted(&context.host, context.private && !identity.first_user_namespace)?,
            identity,
            emulators: request.places.find_all(&request.profiles, &context.prefix, own)?,
        })
    }

    fn plan(&self, context: &Context, request: &Request, session: &Session) -> Result<(Facts, Plan)> {
        self.plan_over(context, request, TableFacts::read(&session.table)?)
    }

    fn plan_over(&self, context: &Context, request: &Request, table: TableFacts) -> Result<(Facts, Plan)> {
        table.readable("registering emulators")?;
        let scope = Scope { profiles: &request.profiles, emulators: &self.emulators, probe: request.verify };
        let facts = Facts::gather(&context.host, self.mounted, table, &context.profiles, scope)?;
        if let Some(why) = &facts.emulated {
            return Err(Error::failed("registering emulators", format!("rbinfmt itself runs under one: {why}"))
                .help("take the build of rbinfmt for this machine; with docker, leave out --platform"));
        }
        if !facts.table.enabled && !request.force {
            let why = "it is switched off: the kernel looks at no entry";
            let status = facts.table.path.join("status");
            return Err(Error::failed(format!("using the table {}", facts.table.path.display()), why)
                .help(format!("switch it on with `echo 1 > {}`, or add --force", status.display())));
        }
        let asked = plan::Install {
            profiles: &request.profiles,
            all: request.all,
            converge: request.converge,
            force: request.force,
            credentials: request.credentials,
            prefix: &context.prefix,
            places: &request.places,
        };
        let plan = plan::install(&asked, &context.profiles, &facts);
        Ok((facts, plan))
    }

    /// The directories that hold the emulators, without links.
    fn directories(&self) -> Vec<PathBuf> {
        let real = |e: &Found| e.path.canonicalize().ok()?.parent().map(Path::to_owned);
        let mut directories: Vec<PathBuf> = self.emulators.values().filter_map(real).collect();
        directories.sort();
        directories.dedup();
        directories
    }
}

/// Registers what was asked for, in the first way that lasts.
pub fn install(context: &Context, request: &Request) -> Result<Installed> {
    let mut start = Start::look(context, request)?;
    let writable = start.mounted.is_visible() && crate::binfmt::table::Table::at(&context.host.table).is_writable();
    if start.mounted.is_visible() && !writable && !context.private && !start.identity.may_mount {
        return without_rights(context, request, &start);
    }
    let situation = Situation {
        identity: &start.identity,
        mounted: start.mounted,
        writable,
        mounted_on_host: session::mounted_on_host(&context.host, &start.identity),
        private: context.private,
        hold: request.hold,
        keep: request.keep,
    };
    let ways = ways(situation)?;
    if !start.mounted.is_visible() && !start.identity.may_mount {
        return Err(session::may_not_mount("registering emulators", &context.host, &start.identity));
    }
    if supply::fetch(context, request, &start.emulators)? {
        start = Start::look(context, request)?;
    }
    let mut failures: Vec<Error> = Vec::new();
    for way in ways {
        match attempt(context, request, &start, way) {
            Ok(installed) => return Ok(installed),
            Err(Attempt::NextWay(error)) => failures.push(error),
            Err(Attempt::Final(error)) => return Err(error),
        }
    }
    Err(not_kept(context, &start.identity, failures))
}

/// Somebody who may only look: it is enough when all is as wanted.
fn without_rights(context: &Context, request: &Request, start: &Start) -> Result<Installed> {
    let session = Session::visit(&context.host, &start.identity, start.mounted, context.private)?;
    let (facts, plan) = start.plan(context, request, &session)?;
    if plan.changes() {
        return Err(may_not_change(&context.host, &start.identity, start.mounted));
    }
    let mut session = session;
    let rows = apply::apply(plan, &mut session, &facts.kernel, None)?;
    Ok(Installed { rows: with_facts(rows, &facts), held_by: None, unconfirmed: false })
}

/// Why one way did not do.
enum Attempt {
    /// Another may.
    NextWay(Error),
    /// None will.
    Final(Error),
}

fn attempt(context: &Context, request: &Request, start: &Start, way: Way) -> Result<Installed, Attempt> {
    let mut session = match (Session::open(&context.host, way, &start.directories(), context.private), way) {
        (Ok(session), _) => session,
        (Err(error), Way::Entries | Way::OnHost) => return Err(Attempt::NextWay(error)),
        (Err(error), _) => return Err(Attempt::Final(refused(start, error))),
    };
    let worked = work(context, request, start, &mut session);
    let away = session.is_away();
    let unheld = session.take_unheld();
    // Leaving ends our own mount of the table: what is still there afterwards will stay.
    let left = session.leave();
    let rows = worked.map_err(Attempt::Final)?;
    left.map_err(Attempt::Final)?;
    let registered = rows.iter().any(|r| matches!(r.state, State::Added | State::Replaced | State::Enabled));
    if away && let Some(label) = stopped(context, &rows).map_err(Attempt::Final)? {
        let why = format!("they were gone when our own mount of it was ({label} does not run)");
        return Err(Attempt::NextWay(unheld.unwrap_or_else(|| Error::failed("making the entries last", why))));
    }
    let held_by = match way {
        _ if !rows.iter().any(|r| matches!(r.state, State::Kept) || r.entry.is_some()) => None,
        Way::Mount if request.hold => Some(HeldBy::Process),
        Way::Present | Way::Mount if start.identity.on_host() => Some(HeldBy::Mount),
        Way::Present | Way::Mount => Some(HeldBy::Namespace),
        Way::OnHost => Some(HeldBy::HostMount),
        Way::Entries if registered && unheld.is_none() => Some(HeldBy::Entries),
        Way::Entries => Some(HeldBy::Elsewhere),
    };
    let host_knows = start.identity.on_host() || session::mounted_on_host(&context.host, &start.identity);
    let unconfirmed = way == Way::Present && start.identity.first_user_namespace && !host_knows && !request.hold;
    // The registration is done and stays, whatever the record says.
    if let Err(error) = supply::note(context, &rows) {
        context.printer.note(format!("what was found out of the emulators was not kept: {error}"));
    }
    Ok(Installed { rows, held_by, unconfirmed })
}

/// A container without the rights for any of this gets one sentence.
fn refused(start: &Start, error: Error) -> Error {
    let denied = matches!(error.errno(), Some(nix::libc::EPERM | nix::libc::EACCES | nix::libc::EROFS));
    if denied && !start.identity.on_host() { error.with_status(Status::Unknown) } else { error }
}

fn work(context: &Context, request: &Request, start: &Start, session: &mut Session) -> Result<Vec<Row>> {
    let _lock = session.table.lock()?;
    let (facts, plan) = start.plan(context, request, session)?;
    if !facts.table.enabled && request.force {
        session.table.enable_all()?;
    }
    let mut prober = |items: &[&Item]| probe_items(context, items);
    let prober: Option<&mut apply::Prober> = if request.verify { Some(&mut prober) } else { None };
    let rows = apply::apply(plan, session, &facts.kernel, prober)?;
    Ok(with_facts(rows, &facts))
}

/// Kept entries were tried when the facts were gathered.
fn with_facts(mut rows: Vec<Row>, facts: &Facts) -> Vec<Row> {
    for row in &mut rows {
        if matches!(row.state, State::Kept | State::Enabled) {
            row.outcome = facts.probes.get(&row.item.name).map(|ran| ran.outcome.clone());
            row.entry = facts.table.entries.iter().find(|e| e.name == row.item.name.as_bytes()).cloned();
        }
    }
    rows
}

/// Runs a program of each item that has one.
fn probe_items(context: &Context, items: &[&Item]) -> Result<Vec<Option<Ran>>> {
    let mut probes = Vec::new();
    let mut at = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if let Some(program) = program(context, item) {
            probes.push(Probe::new(&context.host, program)?);
            at.push(index);
        }
    }
    let mut results: Vec<Option<Ran>> = items.iter().map(|_| None).collect();
    for (index, ran) in at.into_iter().zip(probe::run(&context.host, &probes)) {
        results[index] = Some(ran);
    }
    Ok(results)
}

fn program<'a>(context: &'a Context, item: &Item) -> Option<&'a [u8]> {
    let plain = item.name.strip_prefix(&context.prefix).unwrap_or(&item.name);
    let rule = context.profiles.named(&item.profile)?.rules.iter().find(|r| r.entry == plain)?;
    rule.probe.as_deref()
}

/// Runs one program that ran before: the label of it when it does not run any more.
fn stopped(context: &Context, rows: &[Row]) -> Result<Option<String>> {
    let stays = |row: &&Row| match row.state {
        State::Added | State::Replaced | State::Enabled | State::Kept => {
            !matches!(row.outcome, Some(Outcome::Fails(_)))
        }
        State::Removed | State::Skipped(_) | State::Failed(_) => false,
    };
    let Some((row, program)) = rows.iter().filter(stays).find_map(|r| Some((r, program(context, &r.item)?))) else {
        return Ok(None);
    };
    let probe = Probe::new(&context.host, program)?;
    let works = probe::run(&context.host, &[probe]).iter().all(|ran| ran.outcome.works());
    Ok((!works).then(|| row.item.label.clone()))
}

fn not_kept(context: &Context, identity: &Identity, failures: Vec<Error>) -> Error {
    let reasons: Vec<String> = failures.iter().map(Error::to_string).collect();
    let denied = failures.iter().all(|e| e.errno() == Some(nix::libc::EPERM)) && !failures.is_empty();
    let error = Error::failed("registering entries that stay", reasons.join("; "));
    if denied {
        return error
            .with_status(Status::Unknown)
            .help(format!("this container may not mount: {}", identity.privileged()));
    }
    error.help(format!(
        "run `mount -t binfmt_misc binfmt_misc {}` on the host and try again, or keep this container with --hold",
        context.host.table.display()
    ))
}

/// `install all` that found no emulator at all has done nothing that anybody wanted.
pub fn nothing_at_all(request: &Request, rows: &[Row]) -> Result<()> {
    let idle = |row: &Row| matches!(row.state, State::Skipped(Skip::NoEmulator(_) | Skip::Native));
    if request.all
        && rows.iter().any(|r| matches!(r.state, State::Skipped(Skip::NoEmulator(_))))
        && rows.iter().all(idle)
    {
        let why = format!("there is none in {}", request.places.describe());
        return Err(Error::failed("looking for emulators", why)
            .help("install your distribution's qemu-user-static, or name their directory with --emulators DIR"));
    }
    Ok(())
}

/// Fetches what the request lacks.
pub fn supply_missing(context: &Context, request: &Request) -> Result<()> {
    supply::fetch(context, request, &Start::look(context, request)?.emulators).map(drop)
}

/// What is not wrong, but will be missed later: who holds the table, and an entry without flag F.
pub fn advise(context: &Context, installed: &Installed) {
    if installed.unconfirmed {
        context.printer.warn(
            "nothing here shows who else holds the table: if this container mounted it itself, the entries end with it",
        );
    }
    use crate::binfmt::entry::Flags;
    let bare = |row: &&Row| {
        row.entry.as_ref().is_some_and(|e| !e.flags.has(Flags::F)) && program(context, &row.item).is_some()
    };
    if let Some(row) = installed.rows.iter().find(bare) {
        let path = row.entry.as_ref().map(|e| e.handler()).unwrap_or_default();
        context.printer.warn(format!(
            "this kernel has no flag F (4.8 and later have it): a container needs the emulator at the same path inside, \
             for example with -v {path}:{path}"
        ));
    }
}
