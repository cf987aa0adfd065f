//! What fetching needs of the outside world.

use std::path::PathBuf;

use super::debian::mirror::Wish;
use super::{Fetcher, From, Policy, Store};
use crate::config::Fetch;
use crate::error::Result;
use crate::http::proxy::Proxies;
use crate::http::{Client, Options};
use crate::kernel::Kernel;
use crate::oci::access::Access;
use crate::oci::auth;
use crate::progress::Progress;

/// What a user asks of fetching.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FetchOptions {
    /// Where emulators come from; `None` where nothing is named.
    pub from: Option<From>,
    /// The mirror of the Debian archive.
    pub mirror: Option<String>,
    /// The keyring of its signing keys.
    pub keyring: Option<PathBuf>,
    /// Accept an index that has expired, or one older than what was seen before.
    pub allow_expired: bool,
    /// Only what was fetched before.
    pub offline: bool,
    /// Threads that decode; `None` for one for each CPU.
    pub jobs: Option<usize>,
}

/// A process's: its environment, its identity, the host's files below a root directory.
pub struct FetchEnv {
    store: Store,
    client: Client,
    config: Fetch,
    machine: String,
    root: PathBuf,
    docker_config: Option<PathBuf>,
}

impl FetchEnv {
    /// This process's.
    ///
    /// # Errors
    /// Where the configuration below `root` cannot be read.
    pub fn of_process(store: Store, root: PathBuf, options: &FetchOptions) -> Result<Self> {
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let http = Options { offline: options.offline, proxies: Proxies::of_environment(), ..Options::default() };
        Ok(FetchEnv {
            store,
            client: Client::new(http),
            config: Fetch::load(&root)?,
            machine: Kernel::running().machine,
            docker_config: auth::docker_config(variable),
            root,
        })
    }

    /// The way to registries.
    pub fn access<'a>(&'a self, progress: &'a dyn Progress) -> Access<'a> {
        Access {
            client: &self.client,
            config: self.config.clone(),
            docker_config: self.docker_config.clone(),
            docker_host: None,
            progress,
        }
    }

    /// What fetches, for these options.
    pub fn fetcher<'a>(&'a self, options: &FetchOptions, progress: &'a dyn Progress) -> Fetcher<'a> {
        Fetcher {
            store: &self.store,
            client: &self.client,
            machine: self.machine.clone(),
            root: self.root.clone(),
            config: self.config.clone(),
            wish: Wish { flag: options.mirror.clone(), config: None, keyring: options.keyring.clone() },
            docker_config: self.docker_config.clone(),
            policy: Policy {
                allow_expired: options.allow_expired,
                jobs: options.jobs.unwrap_or(Policy::default().jobs),
            },
            progress,
        }
    }
}
