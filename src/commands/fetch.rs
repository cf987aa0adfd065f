//! rbinfmt fetch: emulators into the store.

use std::io::Write;
use std::path::PathBuf;

use crate::cli_fetch::{FetchArgs, SourceArgs};
use crate::emulators::config::Config;
use crate::emulators::debian::mirror::Wish;
use crate::emulators::http::proxy::Proxies;
use crate::emulators::http::{Client, Options};
use crate::emulators::oci::auth;
use crate::emulators::{Emulator, Fetcher, From, Policy, Store, Use, Wanted, Which, valid_arch};
use crate::error::{Doing, Result, Status};
use crate::kernel::Kernel;
use crate::profile::Profiles;
use crate::progress::{Progress, Quiet, Stderr, size};

/// What fetching needs of the outside world.
pub struct Outside {
    store: Store,
    client: Client,
    config: Config,
    machine: String,
    root: PathBuf,
    docker_config: Option<PathBuf>,
}

impl Outside {
    /// This process's: its environment, its identity, the host's files below `root`.
    pub fn of_process(root: PathBuf, args: &SourceArgs) -> Result<Self> {
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let options = Options { offline: args.offline, proxies: Proxies::of_environment(), ..Options::default() };
        Ok(Outside {
            store: store()?,
            client: Client::new(options),
            config: Config::load(&root)?,
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
pub fn run(args: &FetchArgs, profiles: &Profiles, out: &mut dyn Write) -> Result<Status> {
    let outside = Outside::of_process(PathBuf::from("/"), &args.source)?;
    let stderr = Stderr::default();
    let progress: &dyn Progress = if args.quiet { &Quiet } else { &stderr };
    let stable = From::Debian { which: Which::Stable, suite: None };
    let from = source(&args.source)?.unwrap_or(stable);
    let use_ = if args.use_ { Use::Always } else { Use::IfNone };
    let fetched = outside.fetcher(&args.source, progress).ensure(&wanted(&args.archs, profiles)?, Some(&from), use_);
    stderr.clear();
    let fetched = fetched?;
    if !args.quiet {
        report(&fetched, &outside.store, out)?;
    }
    Ok(Status::Done)
}

fn report(fetched: &[Emulator], store: &Store, out: &mut dyn Write) -> Result<()> {
    let current = store.all_current()?;
    let Some(first) = fetched.first() else { return Ok(()) };
    let idle = fetched.iter().filter(|e| current.get(&e.arch).is_none_or(|c| c.id != e.id)).count();
    let bytes = fetched.iter().map(|e| e.size).sum();
    writeln!(out, "QEMU {}: {} emulators, {}, in {}", first.version, fetched.len(), size(bytes), store.root().display())
        .and_then(|()| match idle {
            0 => Ok(()),
            _ => writeln!(out, "{idle} of them are not in use: `rbinfmt emulators use {}` changes that", first.id),
        })
        .doing(|| "writing the report")
}
