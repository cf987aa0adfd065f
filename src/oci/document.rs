//! The documents of images: descriptors, indices and manifests of OCI and Docker, and the manifest.json of `docker save`.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::platform::Platform;
use crate::error::{Error, Result};
use crate::verify::{Digest, Expected};

/// Manifests and indices of real images have a few kilobytes; the specification allows registries to stop at 4 MiB.
pub(crate) const MAX_DOCUMENT: u64 = 4 << 20;

/// No image has more layers than this.
const MAX_LAYERS: usize = 256;

pub(super) const INDEX_TYPES: &[&str] =
    &["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
pub(super) const MANIFEST_TYPES: &[&str] =
    &["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];

/// Points at something by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    /// "sha256:..."
    digest: String,
    /// Bytes.
    pub(super) size: u64,
    /// What it runs on, in an index.
    pub(super) platform: Option<Platform>,
    /// What else is said of it: names and kinds.
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
}

/// An index or a manifest: which of both is told by what it has.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub(super) manifests: Option<Vec<Descriptor>>,
    pub(super) layers: Option<Vec<Descriptor>>,
    /// A descriptor, which only the doctor needs to understand.
    pub(super) config: Option<serde_json::Value>,
}

/// One image in the manifest.json of `docker save`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Saved {
    pub(super) config: String,
    #[serde(default)]
    pub(super) repo_tags: Option<Vec<String>>,
    pub(super) layers: Vec<String>,
}

impl Document {
    pub(super) fn parse(what: &str, bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes)
            .map_err(|error| Error::failed(format!("reading the image {what}"), format!("no manifest: {error}")))
    }
}

impl Saved {
    pub(super) fn parse(what: &str, bytes: &[u8]) -> Result<Vec<Self>> {
        serde_json::from_slice(bytes)
            .map_err(|error| Error::failed(format!("reading the image {what}"), format!("no manifest.json: {error}")))
    }

    /// The digest of its configuration, which is its file's name.
    pub(super) fn id(&self) -> Option<Digest> {
        Digest::parse(self.config.rsplit('/').next().unwrap_or_default().trim_end_matches(".json"))
    }
}

impl Descriptor {
    /// Size and hash.
    pub(super) fn expected(&self) -> Result<Expected> {
        let sha256 = self.digest.strip_prefix("sha256:").and_then(Digest::parse);
        let sha256 = sha256.ok_or_else(|| {
            Error::failed("reading an image", format!("the digest {:?} is not a SHA-256", self.digest))
        })?;
        Ok(Expected { sha256, size: self.size })
    }
}

/// A part of an image, and what verifies it.
#[derive(Debug, Clone)]
pub struct Blob {
    /// Where it is in a layout or an archive.
    pub(super) name: String,
    /// Its bytes.
    pub(super) expected: Option<Expected>,
    /// The tar that they hold.
    pub(super) decompressed: Option<Digest>,
}

/// By its digest where it is known, else by its name.
impl fmt::Display for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.expected {
            Some(expected) => write!(f, "sha256:{}", expected.sha256),
            None => f.write_str(&self.name),
        }
    }
}

impl Blob {
    /// What a descriptor points at.
    pub(super) fn of(descriptor: &Descriptor) -> Result<Self> {
        let expected = descriptor.expected()?;
        Ok(Blob { name: format!("blobs/sha256/{}", expected.sha256), expected: Some(expected), decompressed: None })
    }

    /// A small document that a descriptor points at.
    pub(super) fn of_document(what: &str, kind: &str, descriptor: &Descriptor) -> Result<Self> {
        if descriptor.size > MAX_DOCUMENT {
            let why = format!("{kind} of {} bytes, at most {MAX_DOCUMENT} are read", descriptor.size);
            return Err(Error::failed(format!("reading the image {what}"), why));
        }
        Blob::of(descriptor)
    }

    /// A file of an archive, of which nothing more is known.
    pub(super) fn plain(name: &str) -> Self {
        Blob { name: name.to_owned(), expected: None, decompressed: None }
    }

    /// Its digest as a registry is asked for it.
    pub(super) fn digest(&self) -> Result<(String, Expected)> {
        let expected = self.expected.ok_or_else(|| {
            Error::failed(format!("reading {}", self.name), "nothing says which digest it should have")
        })?;
        Ok((format!("sha256:{}", expected.sha256), expected))
    }
}

/// Refuses more layers than any image has.
pub(super) fn check_count(what: &str, layers: usize) -> Result<()> {
    if layers <= MAX_LAYERS {
        return Ok(());
    }
    Err(Error::failed(format!("reading the image {what}"), format!("{layers} layers, at most {MAX_LAYERS} are read")))
}
