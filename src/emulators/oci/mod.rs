//! Emulators out of a container image: index -> this host's platform -> layers, every digest checked. The layers are
//! read from the top, and only until all that is wanted was found.

pub mod auth;
pub mod layout;
pub mod reference;
pub mod registry;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

use super::Wanted;
use super::source::{take, taken};
use super::store::Staging;
use crate::archive;
use crate::archive::tar::Member;
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
        let sha256 = sha256
            .ok_or_else(|| Error::failed("reading an image", format!("the digest {:?} is no SHA-256", self.digest)))?;
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
    // An index may name another index; a chain of them is no image.
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

/// Takes emulators out of layers, the topmost first.
pub fn take_layers(
    what: &str,
    layers: &[Descriptor],
    blobs: &dyn Blobs,
    jobs: usize,
    wanted: &Wanted,
    staging: &mut Staging,
) -> Result<()> {
    let mut hidden = Hidden::default();
    for layer in layers.iter().rev() {
        if taken(wanted, staging) {
            break;
        }
        let path = blobs.layer(layer)?;
        let stream = archive::open_verified(&path, jobs)?;
        take_layer(stream, &format!("layer {} of {what}", layer.digest), &mut hidden, wanted, staging)?;
    }
    Ok(())
}

pub(super) fn take_layer(
    stream: archive::Stream,
    origin: &str,
    hidden: &mut Hidden,
    wanted: &Wanted,
    staging: &mut Staging,
) -> Result<()> {
    let above = hidden.clone();
    take(stream, origin, wanted, staging, &mut |member| hidden.note(member) || above.covers(&member.path))
}

/// What upper layers deleted.
#[derive(Debug, Clone, Default)]
pub(super) struct Hidden(Vec<Vec<u8>>);

impl Hidden {
    /// Whether a member is a mark of something deleted, which is then remembered.
    fn note(&mut self, member: &Member) -> bool {
        let name = member.file_name();
        let directory = &member.path[..member.path.len() - name.len()];
        let Some(deleted) = name.strip_prefix(b".wh.") else { return false };
        // ".wh..wh..opq": all of the directory in the layers below.
        let path = if name == b".wh..wh..opq" { directory.to_vec() } else { [directory, deleted].concat() };
        self.0.push(path);
        true
    }

    fn covers(&self, path: &[u8]) -> bool {
        self.0.iter().any(|h| {
            path.strip_prefix(h.as_slice()).is_some_and(|rest| rest.is_empty() || rest[0] == b'/' || h.ends_with(b"/"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_upper_layer_deleted_is_gone() {
        let member = |path: &[u8]| Member { path: path.to_vec(), ..Member::default() };
        let mut hidden = Hidden::default();
        assert!(hidden.note(&member(b"usr/bin/.wh.qemu-arm")));
        assert!(hidden.note(&member(b"opt/.wh..wh..opq")));
        assert!(!hidden.note(&member(b"usr/bin/qemu-arm")));
        for (path, gone) in
            [("usr/bin/qemu-arm", true), ("usr/bin/qemu-armeb", false), ("opt/x/y", true), ("optx/y", false)]
        {
            assert_eq!(hidden.covers(path.as_bytes()), gone, "{path}");
        }
    }
}
