//! The files of an image for one platform, on the disk: layer over layer, each verified before its first byte is used.

use std::collections::BTreeSet;

use bstr::ByteSlice;

use super::access::Access;
use super::config::Config;
use super::files::Files;
use super::name::Name;
use super::registry::Registry;
use super::resolve::{self, Found};
use super::whiteout::Whiteout;
use super::{Blob, Platform, Stored};
use crate::archive::Stream;
use crate::archive::extract::Below;
use crate::archive::tar::Tar;
use crate::error::{Doing, Error, Result};
use crate::http::cache::Cache;
use crate::text::to_text;
use crate::verify::Digest;

/// What an image has for one platform, and where its layers can be read.
pub struct Chosen<'a> {
    /// Its configuration.
    pub config: Config,
    what: String,
    layers: Vec<Blob>,
    parts: Box<dyn Stored + 'a>,
}

/// Finds an image for the platform that is wanted; for this machine's, or the only one that it has, where none is.
/// `cache` keeps what a registry sends.
///
/// # Errors
/// There is no such image, none for the platform, or its documents are broken or not what their digests say.
pub fn choose<'a>(
    name: &Name,
    wanted: Option<&Platform>,
    own: &Platform,
    cache: Cache,
    access: &Access<'a>,
) -> Result<Chosen<'a>> {
    let what = name.to_string();
    let (found, parts): (Found, Box<dyn Stored + 'a>) = match name {
        Name::Oci(directory, tag) => {
            let (mut files, index) = Files::layout(directory)?;
            let index = resolve::tagged(&what, &index, tag.as_deref())?;
            (resolve::oci(&what, &index, wanted, &mut files)?, Box::new(files))
        }
        Name::DockerArchive(file, reference) => {
            let (mut files, list) = Files::saved(file)?;
            (resolve::docker(&what, &list, reference.as_deref(), wanted, &mut files)?, Box::new(files))
        }
        Name::Registry(reference) => access.ask_each(reference, |endpoint| {
            let mut registry = Registry::new(access.client, cache.clone(), access.progress, endpoint, reference);
            let (_, bytes) = registry.resolve(reference)?;
            let found = resolve::oci(&what, &bytes, wanted, &mut registry)?;
            Ok((found, Box::new(registry) as Box<dyn Stored>))
        })?,
        _ => {
            return Err(Error::usage(format!("reading the image {what}"), "its files cannot be had from there")
                .help("expected oci:DIR[:TAG], docker-archive:FILE[:REF] or docker://REF"));
        }
    };
    let Found { mut candidates, listed, .. } = found;
    let best = match (wanted, candidates.len()) {
        (_, 1) => Some(0),
        (Some(_), number) => (number > 0).then_some(0),
        (None, _) => {
            let ranks = candidates.iter().enumerate().filter_map(|(at, c)| Some((own.rank(&c.config.platform())?, at)));
            ranks.min().map(|(_, at)| at)
        }
    };
    let Some(best) = best else {
        let has: Vec<String> = listed.iter().map(Platform::to_string).collect();
        let why = format!("it has nothing for {}, but {}", wanted.unwrap_or(own), has.join(" "));
        return Err(Error::failed(format!("reading the image {what}"), why).help("name one of these: --arch ARCH"));
    };
    let candidate = candidates.swap_remove(best);
    Ok(Chosen { config: candidate.config, what, layers: candidate.layers, parts })
}

impl Chosen<'_> {
    /// A name for its files: that of the layers' digests.
    pub fn id(&self) -> String {
        let digests = self.layers.iter().map(|layer| match (&layer.expected, layer.decompressed) {
            (Some(expected), _) => expected.sha256.hex(),
            (None, Some(decompressed)) => decompressed.hex(),
            (None, None) => layer.name.clone(),
        });
        Digest::of(digests.collect::<Vec<_>>().join(" ").as_bytes()).hex()[..16].to_owned()
    }

    /// Extracts its layers, the lowest first.
    ///
    /// # Errors
    /// A layer that cannot be had or is not what its digest says; a directory that cannot be written.
    pub fn extract(&mut self, to: &mut Below, jobs: usize) -> Result<()> {
        for blob in &self.layers {
            let what = format!("the layer {blob} of {}", self.what);
            layer(&what, self.parts.tar(blob, jobs)?, to)?;
        }
        Ok(())
    }
}

/// Lays one layer over what is there.
fn layer(what: &str, stream: Stream, to: &mut Below) -> Result<()> {
    let doing = || format!("extracting {what}");
    let mut tar = Tar::new(stream);
    // A layer takes nothing of its own away.
    let mut made: BTreeSet<Vec<u8>> = BTreeSet::new();
    while let Some(member) = tar.next_member().doing(doing)? {
        let path = member.path.strip_suffix(b"/").unwrap_or(&member.path).to_vec();
        let done = match Whiteout::of(path.as_bstr()) {
            Some(Whiteout::File(gone)) if has(&made, &gone) => Ok(()),
            Some(Whiteout::File(gone)) => to.remove(&gone),
            Some(Whiteout::Opaque(directory)) => {
                to.empty(&directory, &|name| has(&made, &[directory.as_slice(), name].concat()))
            }
            None => {
                let done = to.make(&mut tar, &member, &path);
                made.insert(path.clone());
                done
            }
        };
        done.doing(|| format!("{}: {}", doing(), to_text(&path)))?;
    }
    Ok(())
}

/// Whether a layer has a path, or something below it.
fn has(made: &BTreeSet<Vec<u8>>, path: &[u8]) -> bool {
    let below = [path, b"/"].concat();
    made.contains(path) || made.range(below.clone()..).next().is_some_and(|first| first.starts_with(&below))
}
