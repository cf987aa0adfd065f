//! Images in files: a directory in OCI's layout, and the tars that `docker save` and others write.
//!
//! Plain layers of plain files are walked from header to header; their content stays where it is and is read when it is
//! asked for. Everything else passes by once, whole, and is verified.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::budget::Budget;
use super::document::MAX_DOCUMENT;
use super::image::{Layers, Opened, Options};
use super::layer::Layer;
use super::resolve;
use super::streamed::Streamed;
use super::{Blob, Parts, Stored};
use crate::archive::{MAX_DECOMPRESSED, Members, Part, Stream};
use crate::error::{Doing, Error, Result};
use crate::verify::{self, Expected, HashingReader, refused};

/// A directory in OCI's layout, or the members of a tar.
pub(crate) struct Files {
    holder: Holder,
    verify: bool,
}

enum Holder {
    Directory(PathBuf),
    Archive(Members),
}

/// An image in a directory.
pub(super) fn directory<'a>(
    what: &str,
    directory: &Path,
    tag: Option<&str>,
    options: &Options<'a>,
) -> Result<Opened<'a>> {
    let mut parts = Files { holder: Holder::Directory(directory.to_owned()), verify: options.verify };
    let index = resolve::tagged(what, &parts.bytes("index.json")?, tag)?;
    let found = resolve::oci(what, &index, options.platform, &mut parts)?;
    Ok((found, Box::new(parts)))
}

/// An image in a tar, which may be compressed. `oci` says that it is in OCI's layout; Docker writes both lists of late, and
/// OCI's can tell of several platforms.
pub(super) fn archive<'a>(
    what: &str,
    path: &Path,
    name: Option<&str>,
    oci: bool,
    options: &Options<'a>,
) -> Result<Opened<'a>> {
    let doing = || format!("reading the image {what}");
    let file = Part::whole(verify::open(path).doing(doing)?).doing(doing)?;
    if matches!(file.start().doing(doing)?, [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..]) {
        return Streamed::read(what, file.reader(), name, oci, options);
    }
    let members = Members::list(path).map_err(|error| {
        error.help(
            "expected the tar of `docker save`, `podman save` or `skopeo copy`, plain or compressed with gzip or zstd",
        )
    })?;
    let has = |name: &str| members.has(name);
    let (index, list) = (has("index.json"), has("manifest.json"));
    let mut parts = Files { holder: Holder::Archive(members), verify: options.verify };
    let found = match () {
        () if index => {
            let index = resolve::tagged(what, &parts.bytes("index.json")?, name)?;
            resolve::oci(what, &index, options.platform, &mut parts)?
        }
        () if list && !oci => {
            let list = parts.bytes("manifest.json")?;
            resolve::docker(what, &list, name, options.platform, &mut parts)?
        }
        () => return Err(no_image(what, oci)),
    };
    Ok((found, Box::new(parts)))
}

/// A tar without the list that it should have.
pub(super) fn no_image(what: &str, oci: bool) -> Error {
    let missing = if oci { "index.json" } else { "manifest.json, nor an index.json" };
    let help = "a file system without an image around it is judged by `rbinfmt doctor --root DIR FILE`";
    Error::failed(format!("reading the image {what}"), format!("there is no {missing} in it")).help(help)
}

impl Files {
    fn part(&self, name: &str) -> Result<Part> {
        match &self.holder {
            Holder::Directory(directory) => {
                let path = directory.join(name);
                verify::open(&path).and_then(Part::whole).doing(|| format!("reading {}", path.display()))
            }
            Holder::Archive(members) => members.part(name),
        }
    }

    /// A directory in OCI's layout, and its index.
    pub(crate) fn layout(directory: &Path) -> Result<(Self, Vec<u8>)> {
        let files = Files { holder: Holder::Directory(directory.to_owned()), verify: true };
        let index = files.bytes("index.json")?;
        Ok((files, index))
    }

    /// What `docker save` wrote, and its list of images.
    pub(crate) fn saved(path: &Path) -> Result<(Self, Vec<u8>)> {
        let files = Files { holder: Holder::Archive(Members::list(path)?), verify: true };
        let list = files.bytes("manifest.json")?;
        Ok((files, list))
    }

    /// Refuses a file of another length than the one that is expected.
    fn sized(&self, blob: &Blob) -> Result<Part> {
        let part = self.part(&blob.name)?;
        match blob.expected.filter(|expected| expected.size != part.len) {
            Some(expected) => {
                Err(refused(origin(blob), format!("expected {} bytes, it has {}", expected.size, part.len)))
            }
            None => Ok(part),
        }
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        let part = self.part(name)?;
        let doing = || format!("reading {name}");
        if part.len > MAX_DOCUMENT {
            return Err(Error::failed(doing(), format!("{} bytes, expected at most {MAX_DOCUMENT}", part.len)));
        }
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut part.reader(), &mut bytes).doing(doing)?;
        Ok(bytes)
    }
}

impl Parts for Files {
    fn document(&mut self, blob: &Blob) -> Result<Vec<u8>> {
        let bytes = self.bytes(&blob.name)?;
        if let Some(expected) = &blob.expected {
            expected.check(&blob.name, &Expected::of(&bytes))?;
        }
        Ok(bytes)
    }

    fn has(&self, blob: &Blob) -> bool {
        match &self.holder {
            Holder::Directory(directory) => directory.join(&blob.name).is_file(),
            Holder::Archive(members) => members.has(&blob.name),
        }
    }
}

impl Stored for Files {
    fn tar(&mut self, blob: &Blob, jobs: usize) -> Result<Stream> {
        let (part, origin) = (self.sized(blob)?, origin(blob));
        let doing = || format!("reading {origin}");
        // Of Docker's own archives the tar's hash is known, and not that of the bytes which hold it.
        let part = match (&blob.expected, blob.decompressed) {
            (Some(expected), _) => {
                expected.check(&origin, &HashingReader::new(part.reader(), part.len).finish().doing(doing)?)?;
                part.verified()
            }
            (None, Some(expected)) => {
                let came =
                    HashingReader::new(part.stream(jobs).doing(doing)?, MAX_DECOMPRESSED).finish().doing(doing)?;
                if came.sha256 != expected {
                    return Err(refused(&origin, format!("expected sha256:{expected}, sha256:{} came", came.sha256)));
                }
                part
            }
            (None, None) => return Err(refused(&origin, "nothing says which SHA-256 it should have")),
        };
        part.stream(jobs).doing(doing)
    }
}

impl Layers for Files {
    fn layer(&mut self, blob: &Blob, budget: &mut Budget) -> Result<Arc<Layer>> {
        let (part, origin) = (self.sized(blob)?, origin(blob));
        let start = part.start().doing(|| format!("reading {origin}"))?;
        if !self.verify && start[257..].starts_with(b"ustar") {
            return Layer::seek(&origin, &part, budget).map(Arc::new);
        }
        let (layer, came) = Layer::stream(&origin, part.reader(), blob.expected.as_ref(), budget)?;
        blob.check(&origin, &came)?;
        Ok(Arc::new(layer))
    }
}

fn origin(blob: &Blob) -> String {
    format!("the layer {}", blob.name)
}
