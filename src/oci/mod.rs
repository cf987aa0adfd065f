//! Container images, from wherever they are: one client for the fetcher and for the doctor. Documents and layers are read
//! as streams and verified by their digests; nothing is unpacked to a disk, and nothing is executed.
//!
//! ```text
//! reference   [HOST/]NAME[:TAG][@DIGEST]       name      a transport and what follows it: docker-daemon:REF, oci:DIR ...
//! registry    manifests and blobs over HTTP    auth      Docker's logins, WWW-Authenticate
//! layout      a directory in OCI's layout      files     directories and archives    engine  Docker, Podman    streamed
//! resolve     index -> manifests -> configurations and layers            config    what an image claims and starts
//! layer       a tar -> what it adds and removes -> a tree in memory   keep, budget   how much of it is kept
//! image       an image that was found by its name: what it has, and the tree of each platform
//! ```

pub mod auth;
mod budget;
pub mod config;
mod engine;
mod files;
pub mod image;
mod keep;
mod layer;
pub mod layout;
pub mod name;
pub mod reference;
pub mod registry;
pub mod remote;
mod resolve;
mod streamed;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::verify::{Digest, Expected};

/// Manifests and indices of real images have a few kilobytes; the specification allows registries to stop at 4 MiB.
pub const MAX_DOCUMENT: u64 = 4 << 20;

/// No image has more layers than this.
pub(crate) const MAX_LAYERS: usize = 256;

pub(super) const INDEX_TYPES: &[&str] =
    &["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
pub(super) const MANIFEST_TYPES: &[&str] =
    &["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];

/// Points at something by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    #[serde(default)]
    pub media_type: String,
    /// "sha256:..."
    pub digest: String,
    /// How long it is.
    pub size: u64,
    /// What it runs on, in an index.
    pub platform: Option<Platform>,
    /// What else is said of it: names and kinds.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// What an image runs on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Platform {
    /// "linux"
    pub os: String,
    /// "amd64"
    pub architecture: String,
    /// "v7"
    #[serde(default)]
    pub variant: Option<String>,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().filter(|v| !v.is_empty()).map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// An index or a manifest: which of both is told by what it has.
#[derive(Debug, Deserialize)]
pub(crate) struct Document {
    pub(crate) manifests: Option<Vec<Descriptor>>,
    pub(crate) layers: Option<Vec<Descriptor>>,
    /// A descriptor; emulators do not need it.
    pub(crate) config: Option<serde_json::Value>,
}

impl Descriptor {
    /// Size and hash.
    pub fn expected(&self) -> Result<Expected> {
        let sha256 = self.digest.strip_prefix("sha256:").and_then(Digest::parse);
        let sha256 = sha256.ok_or_else(|| {
            Error::failed("reading an image", format!("the digest {:?} is not a SHA-256", self.digest))
        })?;
        Ok(Expected { sha256, size: self.size })
    }
}

/// Where the parts of an image are.
pub trait Blobs {
    /// A small document, verified.
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>>;
    /// A file with a layer, verified.
    fn layer(&self, descriptor: &Descriptor) -> Result<PathBuf>;
}

/// OCI's name of `uname -m`.
pub fn architecture(machine: &str) -> &str {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "armv7l" | "armv6l" => "arm",
        "i686" => "386",
        "loongarch64" => "loong64",
        "mips64" => "mips64le",
        other => other,
    }
}

/// The layers of the image that `bytes` (a verified index or manifest) describes, for this machine; lowest first.
pub fn layers(what: &str, bytes: &[u8], blobs: &dyn Blobs, machine: &str) -> Result<Vec<Descriptor>> {
    let mut bytes = bytes.to_vec();
    // An index may name another index; a chain of them is not an image.
    for _ in 0..3 {
        let doing = || format!("reading the image {what}");
        let document: Document =
            serde_json::from_slice(&bytes).map_err(|e| Error::failed(doing(), format!("no manifest: {e}")))?;
        if let Some(layers) = document.layers.filter(|l| l.len() <= MAX_LAYERS) {
            return Ok(layers);
        }
        let Some(manifests) = document.manifests else {
            return Err(Error::failed(doing(), "it has neither layers nor manifests")
                .help("images of the old schema 1 are not read"));
        };
        let next = choose(&manifests, machine).ok_or_else(|| {
            let has: Vec<String> = manifests
                .iter()
                .filter_map(|m| m.platform.as_ref())
                .map(|p| format!("{}/{}", p.os, p.architecture))
                .collect();
            Error::failed(
                doing(),
                format!("it has no manifest for linux/{}, but {}", architecture(machine), has.join(" ")),
            )
        })?;
        if next.size > MAX_DOCUMENT {
            return Err(Error::failed(doing(), format!("a manifest of {} bytes", next.size)));
        }
        bytes = blobs.document(next)?;
    }
    Err(Error::failed(format!("reading the image {what}"), "indices within indices"))
}

fn choose<'a>(manifests: &'a [Descriptor], machine: &str) -> Option<&'a Descriptor> {
    let wanted = architecture(machine);
    let fits = |m: &&Descriptor| m.platform.as_ref().is_some_and(|p| p.os == "linux" && p.architecture == wanted);
    // A layout with one manifest often says nothing of its platform; the emulators themselves do.
    manifests.iter().find(fits).or(match manifests {
        [only] if only.platform.is_none() => Some(only),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
