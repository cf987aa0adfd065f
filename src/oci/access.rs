//! The way to a registry: which hosts are asked for an image, and who we are before them.

use std::path::PathBuf;

use super::auth::{self, Login};
use super::reference::Reference;
use super::registry::endpoints;
use crate::config::Fetch;
use crate::error::{Error, Result};
use crate::http::Client;
use crate::progress::Progress;

/// The way to registries and engines.
pub struct Access<'a> {
    /// Fetches.
    pub client: &'a Client,
    /// Names mirrors of registries.
    pub config: Fetch,
    /// Docker's file of logins.
    pub docker_config: Option<PathBuf>,
    /// DOCKER_HOST
    pub docker_host: Option<String>,
    /// Who is told.
    pub progress: &'a dyn Progress,
}

impl std::fmt::Debug for Access<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("docker_host", &self.docker_host).finish_non_exhaustive()
    }
}

/// A host that can have an image.
pub(crate) struct Endpoint {
    /// `https://registry-1.docker.io`
    pub(super) base: String,
    /// For the registry itself: its mirrors must not see it.
    pub(super) login: Option<Login>,
}

impl Access<'_> {
    /// Asks the hosts that can have an image, mirrors first, until one has it.
    pub(crate) fn ask_each<T>(&self, reference: &Reference, mut ask: impl FnMut(Endpoint) -> Result<T>) -> Result<T> {
        let mirrors = self.config.registry_mirrors.get(&reference.host).map(Vec::as_slice).unwrap_or_default();
        let mut login = match &self.docker_config {
            Some(file) => auth::login(file, &reference.host)?,
            None => None,
        };
        let mut bases = endpoints(&reference.host, mirrors).into_iter().peekable();
        while let Some(base) = bases.next() {
            let own = bases.peek().is_none();
            self.progress.step(&format!("reading the image {reference}"));
            match ask(Endpoint { base, login: login.take_if(|_| own) }) {
                Err(error) if !own => self.progress.note(&format!("{error}; asking the next registry")),
                other => return other,
            }
        }
        Err(Error::failed(format!("reading the image {reference}"), "no registry to ask"))
    }
}
