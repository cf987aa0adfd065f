//! An archive that passes by once: what an engine hands out, or a compressed file. Its layers are read as they come, before
//! it is known which of them will be wanted.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;

use super::budget::Budget;
use super::document::MAX_DOCUMENT;
use super::files;
use super::image::{Layers, Opened, Options};
use super::layer::{Counting, Decompressed, Layer, LayerDigests};
use super::resolve;
use super::{Blob, Parts};
use crate::archive::tar::{Kind, Tar};
use crate::error::{Doing, Error, Result};
use crate::verify::{Digest, Expected};

/// What came.
pub(super) struct Streamed {
    documents: BTreeMap<String, Vec<u8>>,
    layers: BTreeMap<String, Result<(Arc<Layer>, LayerDigests), String>>,
    /// Docker wrote a layer that two images share once, and a link.
    links: BTreeMap<String, String>,
}

/// No archive of an image has more documents.
const MOST_DOCUMENTS: usize = 4096;
/// Nor so much of them.
const MOST_TEXT: u64 = 64 << 20;

impl Streamed {
    /// Reads all of it and finds the image that `name` means.
    pub(super) fn read<'a>(
        what: &str,
        stream: impl Read,
        name: Option<&str>,
        oci: bool,
        options: &Options<'a>,
    ) -> Result<Opened<'a>> {
        let mut came = Streamed { documents: BTreeMap::new(), layers: BTreeMap::new(), links: BTreeMap::new() };
        came.take(stream).doing(|| format!("reading the image {what}"))?;
        let document = |name: &str| came.documents.get(name).cloned();
        let found = match (document("index.json"), document("manifest.json")) {
            (Some(index), _) => {
                let index = resolve::tagged(what, &index, name)?;
                resolve::oci(what, &index, options.platform, &mut came)?
            }
            (None, Some(list)) if !oci => resolve::docker(what, &list, name, options.platform, &mut came)?,
            _ => return Err(files::no_image(what, oci)),
        };
        Ok((found, Box::new(came)))
    }

    fn take(&mut self, stream: impl Read) -> io::Result<()> {
        let (mut budget, mut text) = (Budget::default(), 0);
        let (raw, packed) = Counting::new(stream);
        let mut tar = Tar::new(Decompressed::new(BufReader::with_capacity(128 << 10, raw), packed)?);
        while let Some(member) = tar.next_member()? {
            let Ok(name) = String::from_utf8(member.path) else { continue };
            match member.kind {
                Kind::File => {}
                Kind::Link | Kind::HardLink => {
                    let target = String::from_utf8(member.target).unwrap_or_default();
                    self.links.insert(name, target.trim_start_matches("../").to_owned());
                    continue;
                }
                Kind::Directory | Kind::Other => continue,
            }
            let mut first = [0; 512];
            let len = tar.read(&mut first)?;
            let first = &first[..len];
            let is_text = first.starts_with(b"{") || first.starts_with(b"[");
            if is_text && !first.contains(&0) && member.size <= MAX_DOCUMENT {
                if self.documents.len() >= MOST_DOCUMENTS {
                    return Err(io::Error::other(format!("it has more than {MOST_DOCUMENTS} documents")));
                }
                text += member.size;
                if text > MOST_TEXT {
                    return Err(io::Error::other(format!("its documents have more than {} MiB", MOST_TEXT >> 20)));
                }
                budget.take(member.size)?;
                let mut bytes = first.to_vec();
                tar.body().read_to_end(&mut bytes)?;
                self.documents.insert(name, bytes);
            } else if len == 512 || first.starts_with(&[0x1f, 0x8b]) || first.starts_with(&[0x28, 0xb5]) {
                let raw = Cursor::new(first.to_vec()).chain(tar.body());
                let origin = format!("the layer {name}");
                // A broken one matters only where it belongs to the image.
                let named = name.strip_prefix("blobs/sha256/").and_then(Digest::parse);
                let expected = named.map(|sha256| Expected { sha256, size: member.size });
                let layer =
                    Layer::stream(&origin, raw, expected.as_ref(), &mut budget).map_err(|error| error.to_string());
                self.layers.insert(name, layer.map(|(layer, came)| (Arc::new(layer), came)));
            }
        }
        Ok(())
    }

    fn linked<'a>(&'a self, name: &'a str) -> &'a str {
        self.links.get(name).map_or(name, String::as_str)
    }
}

impl Parts for Streamed {
    fn document(&mut self, blob: &Blob) -> Result<Vec<u8>> {
        let missing = || Error::failed(format!("reading {}", blob.name), "there is no such file in the archive");
        let bytes = self.documents.get(self.linked(&blob.name)).ok_or_else(missing)?;
        if let Some(expected) = &blob.expected {
            expected.check(&blob.name, &Expected::of(bytes))?;
        }
        Ok(bytes.clone())
    }

    fn has(&self, blob: &Blob) -> bool {
        let name = self.linked(&blob.name);
        self.documents.contains_key(name) || self.layers.contains_key(name)
    }
}

impl Layers for Streamed {
    fn layer(&mut self, blob: &Blob, _: &mut Budget) -> Result<Arc<Layer>> {
        let origin = format!("the layer {}", blob.name);
        match self.layers.get(self.linked(&blob.name)) {
            None => Err(Error::failed(format!("reading {origin}"), "there is no such file in the archive")),
            Some(Err(why)) => Err(Error::failed(why, "the image cannot be judged without it")),
            Some(Ok((layer, came))) => blob.check(&origin, came).map(|()| layer.clone()),
        }
    }
}
