//! Images as files: a directory in OCI's layout, and the tar that `docker save` writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Blobs, Descriptor, Hidden, MAX_DOCUMENT, take_layer};
use crate::archive::{self, Members};
use crate::emulators::Wanted;
use crate::emulators::source::taken;
use crate::emulators::store::Staging;
use crate::error::{Doing, Error, Result};
use crate::verify::{Digest, Expected, HashingReader, of_file, refused};

/// A directory in OCI's layout.
#[derive(Debug)]
pub struct Layout(PathBuf);

impl Layout {
    /// In this directory.
    pub fn new(directory: &Path) -> Self {
        Layout(directory.to_owned())
    }

    /// Its index.
    pub fn index(&self) -> Result<Vec<u8>> {
        read(&self.0.join("index.json"))
    }

    fn blob(&self, expected: &Expected) -> PathBuf {
        self.0.join("blobs/sha256").join(expected.sha256.hex())
    }
}

impl Blobs for Layout {
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let expected = descriptor.expected()?;
        let path = self.blob(&expected);
        let bytes = read(&path)?;
        expected.check(path.display(), &Expected::of(&bytes))?;
        Ok(bytes)
    }

    fn layer(&self, descriptor: &Descriptor) -> Result<PathBuf> {
        let expected = descriptor.expected()?;
        let path = self.blob(&expected);
        let size = fs::metadata(&path).doing(|| format!("reading {}", path.display()))?.len();
        if size != expected.size {
            return Err(refused(path.display(), format!("expected {} bytes, it has {size}", expected.size)));
        }
        expected.check(path.display(), &of_file(&path, size).doing(|| format!("reading {}", path.display()))?)?;
        Ok(path)
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let doing = || format!("reading {}", path.display());
    let size = fs::metadata(path).doing(doing)?.len();
    if size > MAX_DOCUMENT {
        return Err(Error::failed(doing(), format!("{size} bytes, expected at most {MAX_DOCUMENT}")));
    }
    fs::read(path).doing(doing)
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
pub fn take_docker_archive(path: &Path, jobs: usize, wanted: &Wanted, staging: &mut Staging) -> Result<Digest> {
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
