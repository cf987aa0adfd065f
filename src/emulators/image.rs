//! Emulators out of a container image: the layers are read from the top, and only until all that is wanted was found.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::Wanted;
use super::source::{take, taken};
use super::store::Staging;
use crate::archive::tar::Member;
use crate::archive::{self, Members};
use crate::error::{Doing, Error, Result};
use crate::oci::{Blobs, Descriptor, MAX_DOCUMENT};
use crate::verify::{Digest, HashingReader, refused};

/// Takes emulators out of layers, the topmost first.
pub(super) fn take_layers(
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

fn take_layer(
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
struct Hidden(Vec<Vec<u8>>);

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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Vec<String>,
}

#[derive(Deserialize)]
struct ImageConfig {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

/// Takes emulators out of what `docker save` wrote, and returns the image's id. Every layer is verified by the
/// configuration's list, and the configuration by its name, which is its hash.
pub(super) fn take_docker_archive(path: &Path, jobs: usize, wanted: &Wanted, staging: &mut Staging) -> Result<Digest> {
    let members = Members::list(path)?;
    let doing = || format!("reading the image {}", path.display());
    let document = |name: &str| -> Result<Vec<u8>> { members.bytes(name, MAX_DOCUMENT) };
    let saved: Vec<Saved> =
        serde_json::from_slice(&document("manifest.json")?).map_err(|e| Error::failed(doing(), e))?;
    let [saved] = saved.as_slice() else {
        return Err(Error::failed(doing(), format!("it holds {} images, expected one", saved.len())));
    };
    let config = document(&saved.config)?;
    let id = Digest::of(&config);
    let name = saved.config.rsplit('/').next().unwrap_or_default().trim_end_matches(".json");
    if Digest::parse(name) != Some(id) {
        return Err(refused(&saved.config, format!("its name should be its SHA-256, which is {id}")));
    }
    let config: ImageConfig = serde_json::from_slice(&config).map_err(|e| Error::failed(doing(), e))?;
    if config.rootfs.diff_ids.len() != saved.layers.len() {
        let why = format!("{} layers, its configuration lists {}", saved.layers.len(), config.rootfs.diff_ids.len());
        return Err(Error::failed(doing(), why));
    }
    let promised: BTreeMap<&str, &str> =
        saved.layers.iter().map(String::as_str).zip(config.rootfs.diff_ids.iter().map(String::as_str)).collect();
    let mut hidden = Hidden::default();
    for layer in saved.layers.iter().rev() {
        if taken(wanted, staging) {
            break;
        }
        let origin = format!("{layer} in {}", path.display());
        let came = HashingReader::new(members.open(layer, jobs)?, archive::MAX_UNPACKED)
            .finish()
            .doing(|| format!("reading {origin}"))?;
        let expected = promised.get(layer.as_str()).copied().unwrap_or_default();
        if Digest::parse(expected) != Some(came.sha256) {
            return Err(refused(&origin, format!("expected {expected}, sha256:{} came", came.sha256)));
        }
        take_layer(members.open(layer, jobs)?, &origin, &mut hidden, wanted, staging)?;
    }
    Ok(id)
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
