//! A container image as a tree of files, from wherever it is. Layers are read as streams and laid over each other in
//! memory; nothing is unpacked to a disk, and nothing is executed.
//!
//! ```text
//! name      what a user writes: docker-daemon:REF, oci:DIR ...    open: where it is, and its parts
//! resolve   index -> platforms -> configuration and layers           config: what it claims and starts
//! layer     a tar -> what it adds and takes away -> the tree         keep: what is kept of content   budget: how much
//! files     directories and archives       streamed  what comes once     engine  Docker, Podman     registry
//! ```

mod budget;
pub mod config;
mod engine;
mod files;
mod keep;
mod layer;
pub mod name;
pub mod registry;
mod resolve;
mod streamed;

use std::sync::Arc;

pub use self::layer::Layer;
pub use self::name::Name;
pub use self::resolve::{Blob, Candidate, Found};

use self::budget::Budget;
use self::layer::LayerDigests;
use self::registry::Access;
use crate::emulators::oci::Platform;
use crate::error::{Error, Result};
use crate::exec::tree::Tree;
use crate::verify::refused;

/// Where the parts of an image are.
trait Parts {
    /// A small document, verified where its hash is known.
    fn document(&mut self, blob: &Blob) -> Result<Vec<u8>>;
    /// The same for a configuration, which a registry keeps elsewhere.
    fn config(&mut self, blob: &Blob) -> Result<Vec<u8>> {
        self.document(blob)
    }
    /// A layer, verified where it had to be read whole.
    fn layer(&mut self, blob: &Blob, budget: &mut Budget) -> Result<Arc<Layer>>;
    /// Whether it is here.
    fn has(&self, _: &Blob) -> bool {
        true
    }
}

/// How an image is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The one platform that is looked at.
    pub platform: Option<&'a Platform>,
    /// Layers are read whole and verified also where it would do to look at their headers.
    pub verify: bool,
    /// The way to registries and engines.
    pub access: &'a Access<'a>,
}

/// An image that was found.
pub struct Image<'a> {
    /// Where: "docker-daemon:app:1".
    pub origin: String,
    /// What the engine of this machine calls it, where one keeps it.
    pub kept_as: Option<String>,
    /// What it has.
    pub found: Found,
    parts: Box<dyn Parts + 'a>,
}

impl Image<'_> {
    /// The files of one platform.
    pub fn tree(&mut self, candidate: &Candidate) -> Result<Arc<Tree>> {
        let (mut tree, mut budget) = (Tree::default(), Budget::default());
        for blob in &candidate.layers {
            self.parts.layer(blob, &mut budget)?.apply(&mut tree)?;
        }
        Ok(Arc::new(tree))
    }
}

/// Finds an image.
pub fn open<'a>(name: &Name, options: &Options<'a>) -> Result<Image<'a>> {
    let origin = name.to_string();
    let (found, parts) = match name {
        Name::Oci(directory, tag) => files::directory(&origin, directory, tag.as_deref(), options)?,
        Name::OciArchive(file, tag) => files::archive(&origin, file, tag.as_deref(), true, options)?,
        Name::DockerArchive(file, reference) => files::archive(&origin, file, reference.as_deref(), false, options)?,
        Name::DockerDaemon(reference) => engine::docker(&origin, reference, options)?,
        Name::Storage(reference) => engine::podman(&origin, reference, options)?,
        Name::Registry(reference) => registry::open(&origin, reference, options)?,
        Name::Local(reference) => return engine::any(reference, options),
        Name::Any(reference) => {
            return engine::any(reference, options).or_else(|local| {
                let reference = crate::emulators::oci::reference::Reference::parse(reference)?;
                open(&Name::Registry(reference), options).map_err(|error| both(error, &local))
            });
        }
    };
    let kept_as = match name {
        Name::DockerDaemon(reference) | Name::Storage(reference) => Some(reference.clone()),
        _ => None,
    };
    Ok(Image { origin, kept_as, found, parts })
}

/// The registry's error, which also says why no engine of this machine had the image.
fn both(error: Error, local: &Error) -> Error {
    let help = error.help_text().map_or(String::new(), |help| format!("; {help}"));
    let status = error.status();
    error.help(format!("{local}{help}")).with_status(status)
}

impl Blob {
    /// Holds what came against what was expected.
    fn check(&self, origin: &str, came: &LayerDigests) -> Result<()> {
        if let Some(expected) = &self.expected {
            return expected.check(origin, &came.packed);
        }
        match self.unpacked {
            Some(expected) if expected != came.unpacked => {
                Err(refused(origin, format!("expected SHA-256 {expected}, {} came", came.unpacked)))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
