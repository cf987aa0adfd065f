//! From an index or Docker's list of images to one configuration and its layers for each platform.

use serde::Deserialize;

use super::config::Config;
use super::image::Parts;
use crate::error::{Error, Result, Status};
use crate::oci::{Descriptor, Document, MAX_DOCUMENT, MAX_LAYERS, Platform};
use crate::verify::{Digest, Expected, refused};

/// A part of an image and what verifies it.
#[derive(Debug, Clone)]
pub struct Blob {
    /// Where it is in a layout or an archive.
    pub(super) name: String,
    /// Its bytes.
    pub(super) expected: Option<Expected>,
    /// The tar that they hold.
    pub(super) unpacked: Option<Digest>,
}

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

impl Blob {
    pub(super) fn of(descriptor: &Descriptor) -> Result<Self> {
        let expected = descriptor.expected()?;
        Ok(Blob { name: format!("blobs/sha256/{}", expected.sha256), expected: Some(expected), unpacked: None })
    }

    fn plain(name: &str) -> Self {
        Blob { name: name.to_owned(), expected: None, unpacked: None }
    }
}

/// Whether a platform serves who asked for one.
fn is_wanted(platform: &Platform, wanted: Option<&Platform>) -> bool {
    wanted.is_none_or(|wanted| wanted.rank(platform).is_some())
}

/// The platforms of an OCI image: `bytes` are those of an index or a manifest.
pub(super) fn oci(what: &str, bytes: &[u8], wanted: Option<&Platform>, parts: &mut dyn Parts) -> Result<Found> {
    let mut found = Found::default();
    document(what, bytes, None, wanted, parts, &mut found, 0)?;
    Ok(found)
}

fn document(
    what: &str,
    bytes: &[u8],
    listed: Option<&Platform>,
    wanted: Option<&Platform>,
    parts: &mut dyn Parts,
    found: &mut Found,
    depth: usize,
) -> Result<()> {
    let doing = || format!("reading the image {what}");
    let document: Document =
        serde_json::from_slice(bytes).map_err(|e| Error::failed(doing(), format!("no manifest: {e}")))?;
    if let (Some(layers), Some(config)) = (&document.layers, document.config) {
        let config = serde_json::from_value(config).map_err(|e| Error::failed(doing(), format!("no manifest: {e}")))?;
        return manifest(what, layers, &config, listed, wanted, parts, found);
    }
    let Some(manifests) = document.manifests.filter(|_| depth < 3) else {
        return Err(Error::failed(doing(), "it has neither layers nor manifests")
            .help("images of the old schema 1 are not read, nor indices within indices within indices"));
    };
    let platform_of = |d: &'_ Descriptor| d.platform.clone().filter(|p| p.os != "unknown").or(listed.cloned());
    let images = manifests.iter().filter(|d| is_image(d)).take(MAX_PLATFORMS);
    let mut images: Vec<(&Descriptor, Option<Platform>)> = images.map(|d| (d, platform_of(d))).collect();
    found.listed.extend(images.iter().filter_map(|(_, platform)| platform.clone()));
    if let Some(wanted) = wanted {
        images.retain(|(_, platform)| platform.as_ref().is_none_or(|p| is_wanted(p, Some(wanted))));
        images.sort_by_key(|(_, platform)| platform.as_ref().map_or(Some(usize::MAX), |p| wanted.rank(p)));
    }
    for (descriptor, platform) in images {
        // The best that is here serves; the rest is for who has not got it.
        if wanted.is_some() && !found.candidates.is_empty() {
            break;
        }
        let blob = Blob::of(descriptor)?;
        if descriptor.size > MAX_DOCUMENT {
            return Err(Error::failed(doing(), format!("a manifest of {} bytes", descriptor.size)));
        }
        if !parts.has(&blob) {
            found.absent.extend(platform);
            continue;
        }
        let bytes = parts.document(&blob)?;
        self::document(what, &bytes, platform.as_ref(), wanted, parts, found, depth + 1)?;
    }
    Ok(())
}

/// What builders add to an index besides images: attestations, which have a platform of their own, "unknown".
fn is_image(descriptor: &Descriptor) -> bool {
    let unknown = descriptor.platform.as_ref().is_some_and(|p| p.os == "unknown" && p.architecture == "unknown");
    !unknown && !descriptor.annotations.contains_key("vnd.docker.reference.type")
}

fn manifest(
    what: &str,
    layers: &[Descriptor],
    config: &Descriptor,
    listed: Option<&Platform>,
    wanted: Option<&Platform>,
    parts: &mut dyn Parts,
    found: &mut Found,
) -> Result<()> {
    let doing = || format!("reading the image {what}");
    if layers.len() > MAX_LAYERS {
        return Err(Error::failed(doing(), format!("{} layers, at most {MAX_LAYERS} are read", layers.len())));
    }
    let blob = Blob::of(config)?;
    if config.size > MAX_DOCUMENT {
        return Err(Error::failed(doing(), format!("a configuration of {} bytes", config.size)));
    }
    let config = Config::parse(what, &parts.config(&blob)?)?;
    let layers = layers.iter().map(Blob::of).collect::<Result<Vec<_>>>()?;
    // A store that holds one platform of an index has the documents of the others too, but not their layers.
    if layers.iter().any(|layer| !parts.has(layer)) {
        found.absent.push(listed.cloned().unwrap_or_else(|| config.platform()));
        return Ok(());
    }
    if listed.is_none() {
        found.listed.push(config.platform());
        if !is_wanted(&config.platform(), wanted) {
            return Ok(());
        }
    }
    found.candidates.push(Candidate { listed: listed.cloned(), config, layers });
    Ok(())
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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// The image of Docker's manifest.json.
pub(super) fn docker(
    what: &str,
    list: &[u8],
    reference: Option<&str>,
    wanted: Option<&Platform>,
    parts: &mut dyn Parts,
) -> Result<Found> {
    let doing = || format!("reading the image {what}");
    let saved: Vec<Saved> = serde_json::from_slice(list).map_err(|e| Error::failed(doing(), e))?;
    let names = |s: &Saved| s.repo_tags.clone().unwrap_or_default();
    let all: Vec<String> = saved.iter().flat_map(names).collect();
    let chosen: Vec<&Saved> = match reference {
        Some(reference) => saved.iter().filter(|s| names(s).iter().any(|n| is_same_name(n, reference))).collect(),
        None => saved.iter().collect(),
    };
    let saved = match chosen.as_slice() {
        [one] => one,
        [] => {
            let error = Error::failed(doing(), "it has no image of that name");
            return Err(error.help(known(&all)).with_status(Status::Usage));
        }
        _ => return Err(several(what, &all)),
    };
    let bytes = parts.document(&Blob::plain(&saved.config))?;
    let name = saved.config.rsplit('/').next().unwrap_or_default().trim_end_matches(".json");
    if Digest::parse(name).is_some_and(|named| named != Digest::of(&bytes)) {
        let why = format!("its name should be its SHA-256, which is {}", Digest::of(&bytes));
        return Err(refused(&saved.config, why));
    }
    let config = Config::parse(what, &bytes)?;
    let ids = &config.layers;
    if saved.layers.len() > MAX_LAYERS || ids.len() != saved.layers.len() {
        let why = format!("{} layers, its configuration lists {}", saved.layers.len(), ids.len());
        return Err(Error::failed(doing(), why));
    }
    let layer = |(name, id): (&String, &String)| {
        let unpacked = Digest::parse(id).ok_or_else(|| Error::failed(doing(), format!("{id:?} is not a SHA-256")))?;
        Ok(Blob { unpacked: Some(unpacked), ..Blob::plain(name) })
    };
    let layers = saved.layers.iter().zip(ids).map(layer).collect::<Result<_>>()?;
    let mut found = Found { listed: vec![config.platform()], ..Found::default() };
    if is_wanted(&config.platform(), wanted) {
        found.candidates.push(Candidate { listed: None, config, layers });
    }
    Ok(found)
}
