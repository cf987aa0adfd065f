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
pub mod platform;
pub mod reference;
pub mod registry;
pub mod remote;
mod resolve;
mod streamed;

use std::collections::BTreeMap;
use std::path::PathBuf;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde::Deserialize;

pub use self::platform::Platform;
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

/// All but letters, digits and what names, tags, digests and scopes are made of next to them.
const SPECIAL: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b'/').remove(b'@');

/// A name or a scope, as it stands within a URL.
fn escape(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, SPECIAL)
}

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
        let own = Platform::of_machine(machine);
        let next = choose(&manifests, &own).ok_or_else(|| {
            let has: Vec<String> =
                manifests.iter().filter_map(|m| m.platform.as_ref()).map(Platform::to_string).collect();
            Error::failed(doing(), format!("it has no manifest for {own}, but {}", has.join(" ")))
        })?;
        if next.size > MAX_DOCUMENT {
            return Err(Error::failed(doing(), format!("a manifest of {} bytes", next.size)));
        }
        bytes = blobs.document(next)?;
    }
    Err(Error::failed(format!("reading the image {what}"), "indices within indices"))
}

/// An emulator has to be of the machine's own architecture; its 32-bit mode's will not do.
fn choose<'a>(manifests: &'a [Descriptor], own: &Platform) -> Option<&'a Descriptor> {
    let rank = |m: &Descriptor| {
        let platform = m.platform.as_ref().filter(|p| p.architecture == own.architecture)?;
        own.rank(platform)
    };
    let best = manifests.iter().filter(|m| rank(m).is_some()).min_by_key(|m| rank(m));
    // A layout with one manifest often says nothing of its platform; the emulators themselves do.
    best.or(match manifests {
        [only] if only.platform.is_none() => Some(only),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
