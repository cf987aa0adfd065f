//! The one way through an image: index -> platforms -> manifests, or Docker's list of images, to configurations and layers.

use super::Parts;
use super::config::Config;
use super::document::{Blob, Descriptor, Document, Saved, check_count};
use super::platform::Platform;
use crate::error::{Error, Result, Status};
use crate::verify::{Digest, refused};

/// What an image has for one platform.
#[derive(Debug)]
pub struct Candidate {
    /// What the index says that it is for.
    pub listed: Option<Platform>,
    /// Its configuration.
    pub config: Config,
    pub(super) layers: Vec<Blob>,
}

/// All that an image has.
#[derive(Debug, Default)]
pub struct Found {
    /// The platforms that were asked for.
    pub candidates: Vec<Candidate>,
    /// All platforms that it lists, and those whose parts are not here.
    pub listed: Vec<Platform>,
    /// Platforms whose parts are not here.
    pub absent: Vec<Platform>,
}

/// More platforms than this are not an image.
const MAX_PLATFORMS: usize = 64;

/// All documents that are read of one image: an index for 64 platforms has as many manifests, and each of them a configuration.
const MAX_DOCUMENTS: usize = 256;
const MAX_DOCUMENT_BYTES: u64 = 64 << 20;

/// An index names manifests; one that names an index which names another index is not an image.
const MAX_DEPTH: usize = 3;

/// Whether a platform serves who asked for one.
fn is_wanted(platform: &Platform, wanted: Option<&Platform>) -> bool {
    wanted.is_none_or(|wanted| wanted.rank(platform).is_some())
}

/// A manifest that was reached, before its configuration is read.
struct Manifest {
    listed: Option<Platform>,
    config: Option<serde_json::Value>,
    layers: Vec<Blob>,
    /// Its layers are here. A store that holds one platform of an index has the documents of the others too.
    here: bool,
}

/// The walk from an index to the manifests of the platforms that are wanted.
struct Walk<'a> {
    what: &'a str,
    wanted: Option<&'a Platform>,
    parts: &'a mut dyn Parts,
    manifests: Vec<Manifest>,
    listed: Vec<Platform>,
    absent: Vec<Platform>,
    /// Documents that were read, and their bytes.
    documents: usize,
    bytes: u64,
}

impl<'a> Walk<'a> {
    /// Over the document with these bytes, an index or a manifest, which were verified.
    fn over(what: &'a str, bytes: &[u8], wanted: Option<&'a Platform>, parts: &'a mut dyn Parts) -> Result<Self> {
        let (manifests, listed, absent) = (Vec::new(), Vec::new(), Vec::new());
        let mut walk = Walk { what, wanted, parts, manifests, listed, absent, documents: 0, bytes: 0 };
        walk.document(bytes, None, 0)?;
        Ok(walk)
    }

    fn document(&mut self, bytes: &[u8], listed: Option<&Platform>, depth: usize) -> Result<()> {
        let document = Document::parse(self.what, bytes)?;
        if let Some(layers) = &document.layers {
            check_count(self.what, layers.len())?;
            let layers = layers.iter().map(Blob::of).collect::<Result<Vec<_>>>()?;
            let here = layers.iter().all(|layer| self.parts.has(layer));
            self.manifests.push(Manifest { listed: listed.cloned(), config: document.config, layers, here });
            return Ok(());
        }
        let Some(manifests) = document.manifests.filter(|_| depth < MAX_DEPTH) else {
            return Err(Error::failed(reading(self.what), "it has neither layers nor manifests")
                .help("images of the old schema 1 are not read, nor indices within indices within indices"));
        };
        let platform_of = |d: &Descriptor| d.platform.clone().filter(|p| p.os != "unknown").or(listed.cloned());
        let images = manifests.iter().filter(|d| is_image(d)).take(MAX_PLATFORMS);
        let mut images: Vec<(&Descriptor, Option<Platform>)> = images.map(|d| (d, platform_of(d))).collect();
        self.listed.extend(images.iter().filter_map(|(_, platform)| platform.clone()));
        if let Some(wanted) = self.wanted {
            images.retain(|(_, platform)| platform.as_ref().is_none_or(|p| wanted.rank(p).is_some()));
            images.sort_by_key(|(_, platform)| platform.as_ref().map_or(Some(usize::MAX), |p| wanted.rank(p)));
        }
        for (descriptor, platform) in images {
            // The best that is here serves; the rest is for who has not got it.
            if self.wanted.is_some() && self.manifests.iter().any(|manifest| manifest.here && manifest.listed.is_some())
            {
                break;
            }
            let blob = Blob::of_document(self.what, "a manifest", descriptor)?;
            if !self.parts.has(&blob) {
                self.absent.extend(platform);
                continue;
            }
            self.pay(descriptor.size)?;
            let bytes = self.parts.document(&blob)?;
            self.document(&bytes, platform.as_ref(), depth + 1)?;
        }
        Ok(())
    }
}

impl Walk<'_> {
    /// Counts a document that is going to be read.
    fn pay(&mut self, bytes: u64) -> Result<()> {
        (self.documents, self.bytes) = (self.documents + 1, self.bytes.saturating_add(bytes));
        if self.documents <= MAX_DOCUMENTS && self.bytes <= MAX_DOCUMENT_BYTES {
            return Ok(());
        }
        let why = format!(
            "its indices name more than {MAX_DOCUMENTS} documents, or more than {} MiB of them",
            MAX_DOCUMENT_BYTES >> 20
        );
        Err(Error::failed(reading(self.what), why))
    }
}

fn reading(what: &str) -> String {
    format!("reading the image {what}")
}

/// What builders add to an index besides images: attestations, which have a platform of their own, "unknown".
fn is_image(descriptor: &Descriptor) -> bool {
    let unknown = descriptor.platform.as_ref().is_some_and(|p| p.os == "unknown" && p.architecture == "unknown");
    !unknown && !descriptor.annotations.contains_key("vnd.docker.reference.type")
}

/// The platforms of an OCI image, each with its configuration: `bytes` are those of an index or a manifest.
pub(super) fn oci(what: &str, bytes: &[u8], wanted: Option<&Platform>, parts: &mut dyn Parts) -> Result<Found> {
    let Walk { manifests, listed, absent, parts, .. } = Walk::over(what, bytes, wanted, parts)?;
    let mut found = Found { candidates: Vec::new(), listed, absent };
    for Manifest { listed, config, layers, here } in manifests {
        if wanted.is_some() && !found.candidates.is_empty() {
            break;
        }
        let config = config.ok_or_else(|| Error::failed(reading(what), "its manifest names no configuration"))?;
        let config: Descriptor = serde_json::from_value(config)
            .map_err(|error| Error::failed(reading(what), format!("its configuration's descriptor: {error}")))?;
        let config = parts.config(&Blob::of_document(what, "a configuration", &config)?)?;
        let config = Config::parse(what, &config)?;
        if !here {
            found.absent.push(listed.unwrap_or_else(|| config.platform()));
            continue;
        }
        if listed.is_none() {
            found.listed.push(config.platform());
            if !is_wanted(&config.platform(), wanted) {
                continue;
            }
        }
        found.candidates.push(Candidate { listed, config, layers });
    }
    Ok(found)
}

/// The layers of an OCI image for one platform, lowest first, without a look at its configuration. Its 32-bit mode's will
/// not do; an image that says nothing of its platform has one manifest.
pub(crate) fn layers(what: &str, bytes: &[u8], wanted: &Platform, parts: &mut dyn Parts) -> Result<Vec<Blob>> {
    let walk = Walk::over(what, bytes, Some(wanted), parts)?;
    let only = walk.manifests.len() == 1;
    let fits = |m: &Manifest| m.listed.as_ref().map_or(only, |p| p.architecture == wanted.architecture);
    let chosen = walk.manifests.into_iter().find(fits);
    chosen.map(|manifest| manifest.layers).ok_or_else(|| {
        let has: Vec<String> = walk.listed.iter().map(Platform::to_string).collect();
        let why = if walk.absent.is_empty() {
            format!("it has no manifest for {wanted}, but {}", has.join(" "))
        } else {
            format!("it lists {wanted}, and the parts are not in it")
        };
        Error::failed(reading(what), why)
    })
}

/// The entry of a layout's index that a tag names; all of it without a tag.
pub(super) fn tagged(what: &str, index: &[u8], tag: Option<&str>) -> Result<Vec<u8>> {
    let doing = || format!("reading the image {what}");
    let broken = |e: serde_json::Error| Error::failed(doing(), format!("no index: {e}"));
    let mut document: serde_json::Value = serde_json::from_slice(index).map_err(broken)?;
    let Some(manifests) = document.get_mut("manifests").and_then(|m| m.as_array_mut()) else {
        return Ok(index.to_vec());
    };
    let names = |m: &serde_json::Value| -> Vec<String> {
        let keys = ["org.opencontainers.image.ref.name", "io.containerd.image.name"];
        keys.iter().filter_map(|key| Some(m.get("annotations")?.get(*key)?.as_str()?.to_owned())).collect()
    };
    let all: Vec<String> = manifests.iter().flat_map(names).collect();
    match tag {
        Some(tag) => manifests.retain(|m| names(m).iter().any(|name| is_same_name(name, tag))),
        None => {
            let has_platform = |m: &serde_json::Value| m.get("platform").is_some_and(|p| !p.is_null());
            let kinds: std::collections::BTreeSet<_> = manifests.iter().map(|m| m["digest"].to_string()).collect();
            if kinds.len() > 1 && !manifests.iter().all(has_platform) {
                return Err(several(what, &all));
            }
            let mut seen = std::collections::BTreeSet::new();
            manifests.retain(|m| seen.insert(m["digest"].to_string()));
        }
    }
    if manifests.is_empty() {
        return Err(Error::failed(doing(), "it has no image of that name")
            .help(known(&all))
            .with_status(Status::Usage));
    }
    serde_json::to_vec(&document).map_err(broken)
}

fn several(what: &str, names: &[String]) -> Error {
    Error::usage(format!("reading the image {what}"), "it holds several images").help(known(names))
}

fn known(names: &[String]) -> String {
    if names.is_empty() { "its images have no names".to_owned() } else { format!("name one: {}", names.join(" ")) }
}

/// "tag", "name:tag" and "docker.io/library/name:tag" may mean one image.
fn is_same_name(full: &str, wanted: &str) -> bool {
    full == wanted
        || full.strip_suffix(wanted).is_some_and(|before| before.ends_with(['/', ':']))
        || full.strip_suffix(":latest").is_some_and(|name| name == wanted || name.ends_with(&format!("/{wanted}")))
}

/// One image of Docker's manifest.json.
struct SavedImage {
    config: Config,
    layers: Vec<Blob>,
    /// The digest of its configuration, where that verifies it: not all tools name the file by it.
    id: Option<Digest>,
}

fn saved(what: &str, list: &[u8], reference: Option<&str>, parts: &mut dyn Parts) -> Result<SavedImage> {
    let saved = Saved::parse(what, list)?;
    let names = |s: &Saved| s.repo_tags.clone().unwrap_or_default();
    let all: Vec<String> = saved.iter().flat_map(names).collect();
    let chosen: Vec<&Saved> = match reference {
        Some(reference) => saved.iter().filter(|s| names(s).iter().any(|n| is_same_name(n, reference))).collect(),
        None => saved.iter().collect(),
    };
    let saved = match chosen.as_slice() {
        [one] => one,
        [] => {
            let error = Error::failed(reading(what), "it has no image of that name");
            return Err(error.help(known(&all)).with_status(Status::Usage));
        }
        _ => return Err(several(what, &all)),
    };
    let bytes = parts.document(&Blob::plain(&saved.config))?;
    let id = saved.id();
    if id.is_some_and(|named| named != Digest::of(&bytes)) {
        let why = format!("its name should be its SHA-256, which is {}", Digest::of(&bytes));
        return Err(refused(&saved.config, why));
    }
    let config = Config::parse(what, &bytes)?;
    check_count(what, saved.layers.len())?;
    if config.layers.len() != saved.layers.len() {
        let why = format!("{} layers, its configuration lists {}", saved.layers.len(), config.layers.len());
        return Err(Error::failed(reading(what), why));
    }
    let layer = |(name, id): (&String, &String)| {
        let decompressed =
            Digest::parse(id).ok_or_else(|| Error::failed(reading(what), format!("{id:?} is not a SHA-256")))?;
        Ok(Blob { decompressed: Some(decompressed), ..Blob::plain(name) })
    };
    let layers = saved.layers.iter().zip(&config.layers).map(layer).collect::<Result<_>>()?;
    Ok(SavedImage { config, layers, id })
}

/// The image of Docker's manifest.json.
pub(super) fn docker(
    what: &str,
    list: &[u8],
    reference: Option<&str>,
    wanted: Option<&Platform>,
    parts: &mut dyn Parts,
) -> Result<Found> {
    let SavedImage { config, layers, .. } = saved(what, list, reference, parts)?;
    let mut found = Found { listed: vec![config.platform()], ..Found::default() };
    if is_wanted(&config.platform(), wanted) {
        found.candidates.push(Candidate { listed: None, config, layers });
    }
    Ok(found)
}

/// The layers of the only image of Docker's manifest.json, lowest first, and the image's id.
pub(crate) fn saved_layers(what: &str, list: &[u8], parts: &mut dyn Parts) -> Result<(Vec<Blob>, Digest)> {
    let SavedImage { layers, id, .. } = saved(what, list, None, parts)?;
    let id =
        id.ok_or_else(|| refused(what, "its configuration is not named by its SHA-256, so nothing verifies it"))?;
    Ok((layers, id))
}
