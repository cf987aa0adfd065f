//! Images in a registry, layer by layer, straight from the connection.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use super::budget::Budget;
use super::image::{Options, Parts};
use super::layer::Layer;
use super::resolve::{self, Blob, Found};
use crate::config::Fetch;
use crate::error::{Doing, Error, Result};
use crate::http::Client;
use crate::http::cache::Cache;
use crate::oci::auth;
use crate::oci::reference::Reference;
use crate::oci::registry::{Registry, endpoints};
use crate::oci::{Blobs, Descriptor};
use crate::progress::Progress;
use crate::verify::Expected;

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

/// How often a layer is begun again.
const TRIES: usize = 4;

struct Remote<'a> {
    registry: Registry<'a>,
    client: &'a Client,
    /// Holds the few documents for as long as we look.
    _directory: TempDir,
}

/// An image of a registry, or of one of its mirrors.
pub(super) fn open<'a>(
    what: &str,
    reference: &Reference,
    options: &Options<'a>,
) -> Result<(Found, Box<dyn Parts + 'a>)> {
    let access = options.access;
    let mirrors = access.config.registry_mirrors.get(&reference.host).map(Vec::as_slice).unwrap_or_default();
    let login = match &access.docker_config {
        Some(file) => auth::login(file, &reference.host)?,
        None => None,
    };
    let mut last = Error::failed(format!("reading the image {what}"), "no registry to ask");
    let hosts = endpoints(&reference.host, mirrors);
    let own = hosts.len() - 1;
    for (number, base) in hosts.into_iter().enumerate() {
        let directory = tempfile::tempdir().doing(|| "making a directory for an image's documents")?;
        let cache = Cache::new(directory.path().to_owned());
        let login = login.clone().filter(|_| number == own);
        let registry = Registry::new(access.client, cache, access.progress, base, reference, login);
        access.progress.step(&format!("reading the image {reference}"));
        let mut parts = Remote { registry, client: access.client, _directory: directory };
        let found = parts.registry.resolve(reference);
        match found.and_then(|(_, bytes)| resolve::oci(what, &bytes, options.platform, &mut parts)) {
            Ok(found) => return Ok((found, Box::new(parts))),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Remote<'_> {
    fn once(&self, blob: &Blob, budget: &mut Budget) -> Result<Layer, (Error, bool)> {
        let digest = blob.descriptor();
        let body = self.registry.blob(&digest.digest).map_err(|error| (error, false))?;
        let broken = Arc::new(AtomicBool::new(false));
        // One byte more than was expected is enough to know that it is something else.
        let body = Watched { inner: body.take(digest.size.saturating_add(1)), broken: broken.clone() };
        Layer::stream(&format!("the layer {}", digest.digest), body, blob.expected.as_ref(), budget)
            .map(|(layer, _)| layer)
            .map_err(|error| (error, broken.load(Ordering::Relaxed)))
    }
}

impl Parts for Remote<'_> {
    fn document(&mut self, blob: &Blob) -> Result<Vec<u8>> {
        self.registry.document(&blob.descriptor())
    }

    fn config(&mut self, blob: &Blob) -> Result<Vec<u8>> {
        let descriptor = blob.descriptor();
        let (mut bytes, doing) = (Vec::new(), || format!("reading {}", descriptor.digest));
        let body = self.registry.blob(&descriptor.digest)?;
        body.take(descriptor.size.saturating_add(1)).read_to_end(&mut bytes).doing(doing)?;
        blob.expected.map_or(Ok(()), |expected| expected.check(&descriptor.digest, &Expected::of(&bytes)))?;
        Ok(bytes)
    }

    fn layer(&mut self, blob: &Blob, budget: &mut Budget) -> Result<Arc<Layer>> {
        let before = budget.clone();
        for tried in 1.. {
            match self.once(blob, budget) {
                Ok(layer) => return Ok(Arc::new(layer)),
                Err((_, true)) if tried < TRIES => {
                    *budget = before.clone();
                    std::thread::sleep(self.client.options().pause);
                }
                Err((error, _)) => return Err(error),
            }
        }
        Err(Error::failed(format!("reading the layer {}", blob.name), "never tried"))
    }
}

impl Blob {
    fn descriptor(&self) -> Descriptor {
        let (digest, size) = self.expected.map_or((String::new(), 0), |p| (format!("sha256:{}", p.sha256), p.size));
        Descriptor { media_type: String::new(), digest, size, platform: None, annotations: Default::default() }
    }
}

/// Notes that the connection broke, which is not a fault of the layer.
struct Watched<R> {
    inner: R,
    broken: Arc<AtomicBool>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.broken.store(true, Ordering::Relaxed);
            }
        })
    }
}
