//! An image that was found by its name: what it has, and the tree of files of each platform, in memory.

use std::sync::Arc;

pub use super::layer::Layer;
pub use super::name::Name;
pub use super::resolve::{Candidate, Found};

use super::access::Access;
use super::budget::Budget;
use super::layer::LayerDigests;
use super::{Blob, Parts, Platform, engine, files, remote};
use crate::error::{Error, Result};
use crate::exec::tree::Tree;
use crate::verify::refused;

/// Parts whose layers are looked into.
pub(super) trait Layers: Parts {
    /// A layer, verified where it had to be read whole.
    fn layer(&mut self, blob: &Blob, budget: &mut Budget) -> Result<Arc<Layer>>;
}

/// What was found, and where its parts are.
pub(super) type Opened<'a> = (Found, Box<dyn Layers + 'a>);

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
    parts: Box<dyn Layers + 'a>,
}

impl Image<'_> {
    /// The files of one platform.
    ///
    /// # Errors
    /// A layer that cannot be had, is not what its digest says, is broken, or is more than the budget allows.
    pub fn tree(&mut self, candidate: &Candidate) -> Result<Arc<Tree>> {
        let (mut tree, mut budget) = (Tree::default(), Budget::default());
        for blob in &candidate.layers {
            self.parts.layer(blob, &mut budget)?.apply(&mut tree)?;
        }
        Ok(Arc::new(tree))
    }
}

/// Finds an image.
///
/// # Errors
/// There is no such image, none for the platform, or its documents are broken or not what their digests say.
pub fn open<'a>(name: &Name, options: &Options<'a>) -> Result<Image<'a>> {
    let origin = name.to_string();
    let (found, parts) = match name {
        Name::Oci(directory, tag) => files::directory(&origin, directory, tag.as_deref(), options)?,
        Name::OciArchive(file, tag) => files::archive(&origin, file, tag.as_deref(), true, options)?,
        Name::DockerArchive(file, reference) => files::archive(&origin, file, reference.as_deref(), false, options)?,
        Name::DockerDaemon(reference) => engine::docker(&origin, reference, options)?,
        Name::Storage(reference) => engine::podman(&origin, reference, options)?,
        Name::Registry(reference) => remote::open(&origin, reference, options)?,
        Name::Local(reference) => return engine::any(reference, options),
        Name::Any(reference) => {
            return engine::any(reference, options).or_else(|local| {
                let reference = crate::oci::reference::Reference::parse(reference)?;
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
    pub(super) fn check(&self, origin: &str, came: &LayerDigests) -> Result<()> {
        if let Some(expected) = &self.expected {
            return expected.check(origin, &came.compressed);
        }
        match self.decompressed {
            Some(expected) if expected != came.decompressed => {
                Err(refused(origin, format!("expected SHA-256 {expected}, {} came", came.decompressed)))
            }
            _ => Ok(()),
        }
    }
}
