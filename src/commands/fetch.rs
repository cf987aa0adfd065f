//! rbinfmt fetch: emulators into the store.

use std::path::PathBuf;

use super::Context;
use crate::cli::fetch::{FetchArgs, SourceArgs};
use crate::config::Fetch;
use crate::emulators::debian::mirror::Wish;
use crate::emulators::{Emulator, Fetcher, From, Policy, Store, Use, Wanted, Which, valid_arch};
use crate::error::{Result, Status};
use crate::http::proxy::Proxies;
use crate::http::{Client, Options};
use crate::kernel::Kernel;
use crate::oci::auth;
use crate::profile::Profiles;
use crate::progress::{Progress, Quiet};
use crate::report::progress::{Stderr, size};

/// What fetching needs of the outside world.
pub struct FetchEnv {
    store: Store,
    client: Client,
    config: Fetch,
    machine: String,
    root: PathBuf,
    docker_config: Option<PathBuf>,
}

impl FetchEnv {
    /// This process's: its environment, its identity, the host's files below `root`.
    pub fn of_process(store: Store, root: PathBuf, args: &SourceArgs) -> Result<Self> {
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let options = Options { offline: args.offline, proxies: Proxies::of_environment(), ..Options::default() };
        Ok(FetchEnv {
            store,
            client: Client::new(options),
            config: Fetch::load(&root)?,
            machine: Kernel::running().machine,
            docker_config: auth::docker_config(variable),
            root,
        })
    }

    /// What fetches, for these arguments.
    pub fn fetcher<'a>(&'a self, args: &SourceArgs, progress: &'a dyn Progress) -> Fetcher<'a> {
        let jobs = args.jobs.map_or(Policy::default().jobs, usize::from);
        Fetcher {
            store: &self.store,
            client: &self.client,
            machine: self.machine.clone(),
            root: self.root.clone(),
            config: self.config.clone(),
            wish: Wish { flag: args.mirror.clone(), config: None, keyring: args.keyring.clone() },
            docker_config: self.docker_config.clone(),
            policy: Policy { allow_expired: args.allow_expired, jobs },
            progress,
        }
    }
}

/// The store of whoever runs this.
pub fn store() -> Result<Store> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    Store::place(nix::unistd::Uid::effective().is_root(), variable).map(Store::open)
}

/// The source that the arguments name; `None` where they name none.
pub fn source(args: &SourceArgs) -> Result<Option<From>> {
    if let Some(from) = &args.from {
        return From::parse(from).map(Some);
    }
    let which = args.qemu.as_deref().map(Which::parse).transpose()?;
    Ok(match (which, &args.suite) {
        (None, None) => None,
        (which, suite) => Some(From::Debian { which: which.unwrap_or(Which::Latest), suite: suite.clone() }),
    })
}

/// QEMU's names of architectures as a user spells them; all where none is named.
pub fn wanted(archs: &[String], profiles: &Profiles) -> Result<Wanted> {
    if archs.is_empty() || archs == ["all"] {
        return Ok(Wanted::All);
    }
    let name = |arch: &String| match profiles.spelled(arch) {
        Some(profile) => Ok(profile.name.clone()),
        // QEMU has more targets than there are profiles.
        None if valid_arch(arch) => Ok(arch.clone()),
        None => profiles.find(arch).map(|p| p.name.clone()),
    };
    archs.iter().map(name).collect::<Result<_>>().map(Wanted::These)
}

/// Fetches, and says what came.
pub fn run(context: &Context, args: &FetchArgs) -> Result<Status> {
    let stable = From::Debian { which: Which::Stable, suite: None };
    let from = source(&args.source)?.unwrap_or(stable);
    let use_ = if args.use_ { Use::Always } else { Use::IfNone };
    let fetched = ensure(context, &args.source, &wanted(&args.archs, &context.profiles)?, Some(&from), use_)?;
    if context.printer.json {
        context.printer.value(&fetched)?;
    } else {
        report(context, &fetched)?;
    }
    Ok(Status::Done)
}

/// The wanted emulators, from the store or fetched into it; progress is shown meanwhile.
pub fn ensure(
    context: &Context,
    args: &SourceArgs,
    wanted: &Wanted,
    from: Option<&From>,
    use_: Use,
) -> Result<Vec<Emulator>> {
    let outside = FetchEnv::of_process(context.store()?, PathBuf::from("/"), args)?;
    let stderr = Stderr::default();
    let progress: &dyn Progress = if context.printer.quiet { &Quiet } else { &stderr };
    let fetched = outside.fetcher(args, progress).ensure(wanted, from, use_);
    stderr.clear();
    fetched
}

fn report(context: &Context, fetched: &[Emulator]) -> Result<()> {
    let store = context.store()?;
    let current = store.all_current()?;
    let Some(first) = fetched.first() else { return Ok(()) };
    let idle = fetched.iter().filter(|e| current.get(&e.arch).is_none_or(|c| c.id != e.id)).count();
    let bytes = fetched.iter().map(|e| e.size).sum();
    let place = store.root().display();
    context.printer.line(format!(
        "QEMU {}: {} emulators, {}, in {place}",
        first.version,
        fetched.len(),
        size(bytes)
    ))?;
    match idle {
        0 => Ok(()),
        _ => context
            .printer
            .line(format!("{idle} of them are not in use: `rbinfmt emulators use {}` changes that", first.id)),
    }
}
