//! Images in a registry, layer by layer, straight from the connection.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use super::budget::Budget;
use super::image::{Layers, Opened, Options};
use super::layer::Layer;
use super::reference::Reference;
use super::registry::Registry;
use super::resolve;
use super::{Blob, Parts};
use crate::error::{Doing, Error, Result};
use crate::http::Client;
use crate::http::cache::Cache;

struct Remote<'a> {
    registry: Registry<'a>,
    client: &'a Client,
    /// Holds the few documents for as long as we look.
    _directory: TempDir,
}

/// An image of a registry, or of one of its mirrors.
pub(super) fn open<'a>(what: &str, reference: &Reference, options: &Options<'a>) -> Result<Opened<'a>> {
    let access = options.access;
    access.ask_each(reference, |endpoint| {
        let directory = tempfile::tempdir().doing(|| "making a directory for an image's documents")?;
        let cache = Cache::new(directory.path().to_owned());
        let registry = Registry::new(access.client, cache, access.progress, endpoint, reference);
        let mut parts = Remote { registry, client: access.client, _directory: directory };
        let (_, bytes) = parts.registry.resolve(reference)?;
        let found = resolve::oci(what, &bytes, options.platform, &mut parts)?;
        Ok((found, Box::new(parts) as Box<dyn Layers>))
    })
}

/// Why a layer could not be read, and whether it was the connection's fault.
struct Failure {
    error: Error,
    broken: bool,
}

impl Remote<'_> {
    fn once(&self, blob: &Blob, budget: &mut Budget) -> Result<Layer, Failure> {
        let lasting = |error| Failure { error, broken: false };
        let (digest, expected) = blob.digest().map_err(lasting)?;
        let body = self.registry.blob(&digest, expected.size).map_err(lasting)?;
        let broken = Arc::new(AtomicBool::new(false));
        // One byte more than was expected is enough to know that it is something else.
        let body = Watched { inner: body.take(expected.size.saturating_add(1)), broken: broken.clone() };
        Layer::stream(&format!("the layer {digest}"), body, Some(&expected), budget)
            .map(|(layer, _)| layer)
            .map_err(|error| Failure { error, broken: broken.load(Ordering::Relaxed) })
    }
}

impl Parts for Remote<'_> {
    fn document(&mut self, blob: &Blob) -> Result<Vec<u8>> {
        self.registry.document(blob)
    }

    fn config(&mut self, blob: &Blob) -> Result<Vec<u8>> {
        self.registry.config(blob)
    }
}

impl Layers for Remote<'_> {
    fn layer(&mut self, blob: &Blob, budget: &mut Budget) -> Result<Arc<Layer>> {
        let before = budget.clone();
        let mut backoff = self.client.options().backoff();
        loop {
            match self.once(blob, budget) {
                Ok(layer) => return Ok(Arc::new(layer)),
                Err(failure) if failure.broken && backoff.wait(None) => *budget = before.clone(),
                Err(failure) => return Err(failure.error),
            }
        }
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
