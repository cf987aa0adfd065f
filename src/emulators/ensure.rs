//! The one door: what is wanted, from the store, or fetched into it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::debian::mirror::{self, Wish};
use super::debian::openpgp::Keyring;
use super::debian::{Archive, Offer, Package, SETTINGS, version};
use super::image::take_layers;
use super::source::{file, taken};
use super::store::{Lock, Manifest, Staging, Store};
use super::{Emulator, From, Wanted, Which};
use crate::config::Fetch;
use crate::error::{Error, Result};
use crate::http::Client;
use crate::oci::access::Access;
use crate::oci::files::Files;
use crate::oci::reference::Reference;
use crate::oci::registry::Registry;
use crate::oci::{Platform, Stored, resolve};
use crate::progress::Progress;
use crate::time;
use crate::trust;
use crate::verify::Digest;

/// How much is taken on trust, and how hard the machine may work.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Whether an expired or rolled-back index is taken.
    pub allow_expired: bool,
    /// How many threads decode.
    pub jobs: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { allow_expired: false, jobs: std::thread::available_parallelism().map_or(1, |n| n.get().min(8)) }
    }
}

/// When a fetched version becomes the one in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// For architectures that have none in use.
    IfNone,
    /// For all that were wanted.
    Always,
    /// Not at all: it is to be tried first.
    Never,
}

/// All that fetching needs to know of the world.
pub struct Fetcher<'a> {
    /// Where emulators are kept.
    pub store: &'a Store,
    /// The transport.
    pub client: &'a Client,
    /// This host's `uname -m`.
    pub machine: String,
    /// The host's root directory: apt's sources are below it.
    pub root: PathBuf,
    /// The configuration.
    pub config: Fetch,
    /// `--mirror` and `--keyring`.
    pub wish: Wish,
    /// Where Docker keeps its logins.
    pub docker_config: Option<PathBuf>,
    /// How much is taken on trust.
    pub policy: Policy,
    /// Who is told.
    pub progress: &'a dyn Progress,
}

impl Fetcher<'_> {
    /// The wanted emulators. Without `from`, those in use count, and only what is missing is fetched: from the stable
    /// suite of the Debian archive. With `from`, all come from there; what the store has of it is not fetched again.
    pub fn ensure(&self, wanted: &Wanted, from: Option<&From>, use_: Use) -> Result<Vec<Emulator>> {
        if let Some(here) = self.without_network(wanted, from)? {
            // What is in use already needs no lock, and no right to write.
            let current = self.store.all_current()?;
            if use_ == Use::Never
                || here.iter().all(|e| current.get(&e.arch).is_some_and(|c| use_ == Use::IfNone || c.id == e.id))
            {
                return Ok(here);
            }
        }
        let lock = self.store.lock(self.progress)?;
        // Whoever had the lock before may have done the work.
        let found = match self.without_network(wanted, from)? {
            Some(here) => here,
            None => self.fetch(&lock, wanted, from)?,
        };
        self.choose(&lock, &found, use_)?;
        Ok(found)
    }

    /// What is wanted, where the store has it and no index need be asked.
    fn without_network(&self, wanted: &Wanted, from: Option<&From>) -> Result<Option<Vec<Emulator>>> {
        match from {
            None => {
                let current = self.whole_current(wanted)?;
                Ok(match wanted {
                    Wanted::These(archs) => archs.iter().map(|arch| current.get(arch).cloned()).collect(),
                    Wanted::All => {
                        let has_all = |m: &Manifest| {
                            m.complete && m.emulators.keys().any(|arch| current.get(arch).is_some_and(|e| e.id == m.id))
                        };
                        let complete = self.store.versions()?.iter().any(has_all);
                        let damaged = current.len() < self.store.all_current()?.len();
                        (complete && !damaged).then(|| current.into_values().collect())
                    }
                })
            }
            Some(From::Debian { which: Which::Version(wish), suite: None }) => {
                let mut versions = self.store.versions()?;
                versions.retain(|m| m.id.starts_with("debian-") && version::means(&m.version, wish));
                for manifest in versions.iter().rev() {
                    if let Some(held) = self.held(manifest, wanted)? {
                        return Ok(Some(held));
                    }
                }
                Ok(None)
            }
            Some(From::Registry(Reference { digest: Some(digest), .. })) => {
                let Some(manifest) = self.store.manifest(&image_id(*digest))? else { return Ok(None) };
                self.held(&manifest, wanted)
            }
            Some(_) => Ok(None),
        }
    }

    /// The wanted emulators of a version, where it has them all.
    fn held(&self, manifest: &Manifest, wanted: &Wanted) -> Result<Option<Vec<Emulator>>> {
        let mut these: Vec<Emulator> = Vec::new();
        for emulator in self.store.emulators(manifest).into_iter().filter(|e| wanted.has(&e.arch)) {
            // What is damaged is fetched again.
            if emulator.is_whole()? {
                these.push(emulator);
            }
        }
        let whole = match wanted {
            Wanted::All => {
                manifest.complete && manifest.emulators.keys().filter(|a| wanted.has(a)).count() == these.len()
            }
            Wanted::These(archs) => archs.iter().all(|arch| these.iter().any(|e| e.arch == *arch)),
        };
        Ok(whole.then_some(these))
    }

    /// The emulators in use that are wanted and hold what was verified.
    fn whole_current(&self, wanted: &Wanted) -> Result<BTreeMap<String, Emulator>> {
        let mut whole = BTreeMap::new();
        for (arch, emulator) in self.store.all_current()? {
            if (*wanted == Wanted::All || wanted.has(&arch)) && emulator.is_whole()? {
                whole.insert(arch, emulator);
            }
        }
        Ok(whole)
    }

    /// The version of this name, where the store has all that is wanted of it.
    fn whole(&self, id: &str, wanted: &Wanted) -> Result<Option<Manifest>> {
        let Some(manifest) = self.store.manifest(id)? else { return Ok(None) };
        Ok(self.held(&manifest, wanted)?.map(|_| manifest))
    }

    fn choose(&self, lock: &Lock, found: &[Emulator], use_: Use) -> Result<()> {
        let current = self.store.all_current()?;
        let mut ids: Vec<&str> = found.iter().map(|e| e.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let wants = |e: &&Emulator| match use_ {
                Use::Never => false,
                Use::Always => e.id == id,
                Use::IfNone => e.id == id && !current.contains_key(&e.arch),
            };
            let archs: Vec<String> = found.iter().filter(wants).map(|e| e.arch.clone()).collect();
            if !archs.is_empty() {
                self.store.use_(lock, id, &archs)?;
            }
        }
        Ok(())
    }

    fn fetch(&self, lock: &Lock, wanted: &Wanted, from: Option<&From>) -> Result<Vec<Emulator>> {
        let stable = From::Debian { which: Which::Stable, suite: None };
        let (wanted, mut have) = match (from, wanted) {
            (None, Wanted::These(archs)) => {
                let current = self.whole_current(wanted)?;
                let (have, missing): (Vec<_>, Vec<_>) = archs.iter().cloned().partition(|a| current.contains_key(a));
                (Wanted::These(missing), have.iter().filter_map(|a| current.get(a).cloned()).collect())
            }
            _ => (wanted.clone(), Vec::new()),
        };
        let manifest = match from.unwrap_or(&stable) {
            From::Debian { which, suite } => self.debian(lock, &wanted, which, suite.as_deref())?,
            From::Path(path) => self.path(lock, &wanted, path)?,
            From::Registry(reference) => self.registry(lock, &wanted, reference)?,
            From::OciLayout(directory) => {
                let (mut files, index) = Files::layout(directory)?;
                let what = format!("oci:{}", directory.display());
                self.image(lock, &wanted, &Named { what, digest: Digest::of(&index), bytes: &index }, &mut files)?
            }
            From::DockerArchive(path) => {
                let what = format!("docker-archive:{}", path.display());
                let (mut files, list) = Files::saved(path)?;
                let (layers, digest) = resolve::saved_layers(&what, &list, &mut files)?;
                let mut staging = Staging::new(self.store, lock, &self.machine)?;
                take_layers(&what, &layers, &mut files, &wanted, &mut staging, self.policy.jobs)?;
                self.commit(staging, &wanted, &what, image_id(digest), None, format!("image {digest}"))?
            }
        };
        have.extend(self.store.emulators(&manifest).into_iter().filter(|e| wanted.has(&e.arch)));
        Ok(have)
    }

    fn debian(&self, lock: &Lock, wanted: &Wanted, which: &Which, suite: Option<&str>) -> Result<Manifest> {
        let config = &self.config;
        let wish = Wish {
            flag: self.wish.flag.clone(),
            config: config.mirror.clone(),
            keyring: self.wish.keyring.clone().or_else(|| config.keyring.clone()),
        };
        let mirror = mirror::choose(&wish, &self.root)?;
        if let (None, Some(keyring)) = (&self.wish.keyring, &config.keyring) {
            trust::require(format!("reading the keyring {}", keyring.display()), keyring)?;
        }
        let keyring = match &mirror.keyring {
            Some(path) => Keyring::read(path)?,
            None => Keyring::debian()?,
        };
        let archive = Archive {
            arch: Archive::arch_of(&self.machine)?,
            mirror,
            keyring,
            client: self.client,
            cache: self.store.cache(),
            store: self.store,
            lock,
            now: time::now(),
            allow_expired: self.policy.allow_expired,
            jobs: self.policy.jobs,
            progress: self.progress,
        };
        let package = find(&archive, which, suite, self.progress)?;
        let id =
            format!("debian-{}", package.version.split_once(':').map_or(package.version.as_str(), |(_, rest)| rest));
        if let Some(manifest) = self.whole(&id, wanted)? {
            return Ok(manifest);
        }
        let file = archive.fetch(&package)?;
        self.progress.step(&format!("taking emulators out of {} {}", package.name, package.version));
        let mut staging = Staging::new(self.store, lock, &self.machine)?;
        file::take_package(&file, &archive.url(&package), true, self.policy.jobs, wanted, &mut staging)?;
        let what = archive.url(&package);
        let verified_by = format!("index of {}, signed by a key of {}", package.suite, archive.keyring.name());
        let manifest = self.commit(staging, wanted, &what, id, Some(package.version.clone()), verified_by)?;
        if manifest.complete {
            archive.cache.forget(&package.expected);
        }
        Ok(manifest)
    }

    fn path(&self, lock: &Lock, wanted: &Wanted, path: &Path) -> Result<Manifest> {
        let path = std::path::absolute(path).map_err(|e| Error::io(format!("finding {}", path.display()), e))?;
        let what = path.display().to_string();
        self.progress.step(&format!("taking emulators out of {what}"));
        let mut staging = Staging::new(self.store, lock, &self.machine)?;
        let found = if path.is_dir() {
            file::take_directory(&path, wanted, &mut staging)?
        } else {
            let (_, found) = file::verify(&path)?;
            file::take_package(&path, &what, found.verified, self.policy.jobs, wanted, &mut staging)?;
            found
        };
        let id = format!("file-{}", found.id);
        // The name is that of the content: what is in use already is not replaced by the same.
        if let Some(manifest) = self.whole(&id, wanted)? {
            return Ok(manifest);
        }
        self.commit(staging, wanted, &what, id, None, found.verified_by)
    }

    fn registry(&self, lock: &Lock, wanted: &Wanted, reference: &Reference) -> Result<Manifest> {
        let access = Access {
            client: self.client,
            config: self.config.clone(),
            docker_config: self.docker_config.clone(),
            docker_host: None,
            progress: self.progress,
        };
        access.ask_each(reference, |endpoint| {
            let mut registry = Registry::new(self.client, self.store.cache(), self.progress, endpoint, reference);
            let (digest, bytes) = registry.resolve(reference)?;
            let what = format!("docker://{}", reference.pinned(digest));
            if reference.digest.is_none() {
                self.progress.note(&format!("to get this very image next time: --from {what}"));
            }
            self.image(lock, wanted, &Named { what, digest, bytes: &bytes }, &mut registry)
        })
    }

    fn image(&self, lock: &Lock, wanted: &Wanted, image: &Named, parts: &mut dyn Stored) -> Result<Manifest> {
        let id = image_id(image.digest);
        if let Some(manifest) = self.whole(&id, wanted)? {
            return Ok(manifest);
        }
        let layers = resolve::layers(&image.what, image.bytes, &Platform::of_machine(&self.machine), parts)?;
        let mut staging = Staging::new(self.store, lock, &self.machine)?;
        take_layers(&image.what, &layers, parts, wanted, &mut staging, self.policy.jobs)?;
        self.commit(staging, wanted, &image.what, id, None, format!("digest sha256:{}", image.digest))
    }

    /// Puts what was taken into the store, or says what is missing.
    fn commit(
        &self,
        staging: Staging,
        wanted: &Wanted,
        what: &str,
        id: String,
        version: Option<String>,
        verified_by: String,
    ) -> Result<Manifest> {
        let items = staging.items();
        if let (Wanted::These(archs), false) = (wanted, taken(wanted, &staging)) {
            let missing: Vec<&str> = archs.iter().filter(|a| !items.contains_key(*a)).map(String::as_str).collect();
            return Err(Error::failed(
                format!("taking emulators out of {what}"),
                format!("it has none for {}", missing.join(" ")),
            )
            .help(
                "another version may have it: `rbinfmt fetch --qemu VERSION`; `rbinfmt emulators` lists what is here",
            ));
        }
        if items.is_empty() {
            return Err(Error::failed(format!("taking emulators out of {what}"), "there is none in it")
                .help("expected files named qemu-ARCH or qemu-ARCH-static"));
        }
        let reported = || items.values().find_map(|i| i.reports.as_deref()?.split(' ').next().map(str::to_owned));
        let version = version.or_else(reported).unwrap_or_else(|| "unknown".to_owned());
        let manifest = Manifest {
            id,
            version,
            source: what.to_owned(),
            verified_by,
            fetched: time::now(),
            complete: *wanted == Wanted::All,
            emulators: Default::default(),
        };
        staging.commit(manifest)
    }
}

/// An image whose index or manifest was read.
struct Named<'a> {
    /// For people: "docker://...".
    what: String,
    /// The index or manifest, verified, and its digest.
    digest: Digest,
    bytes: &'a [u8],
}

/// The name in the store of an image.
fn image_id(digest: Digest) -> String {
    format!("image-{}", &digest.hex()[..12])
}

/// The package that is asked for, among the suites that can have it.
fn find(archive: &Archive, which: &Which, suite: Option<&str>, progress: &dyn Progress) -> Result<Package> {
    let stable = match archive.mirror.suites.as_slice() {
        [] => vec![SETTINGS.stable.to_owned()],
        own => own.to_vec(),
    };
    let suites = match (suite, which) {
        (Some(suite), _) => vec![suite.to_owned()],
        (None, Which::Stable) => stable,
        (None, _) if !archive.mirror.suites.is_empty() => stable,
        (None, _) => SETTINGS.suites.iter().map(|suite| (*suite).to_owned()).collect(),
    };
    let mut packages = Vec::new();
    let mut refused = Vec::new();
    for suite in &suites {
        // "stable-backports" is stale or missing on some mirrors; its own name is not, and stable has just told it.
        let base = packages.iter().find_map(|p: &Package| Some((p, suite.strip_prefix(&p.suite)?)));
        let suite = base.map_or_else(|| suite.clone(), |(p, pocket)| format!("{}{pocket}", p.codename));
        match archive.look(&suite)? {
            Offer::Package(package) => packages.push(package),
            Offer::Nothing(error) => refused.push(error),
        }
    }
    packages.sort_by(|a, b| version::compare(&a.version, &b.version));
    let has: Vec<String> = packages.iter().map(|p| format!("{} ({})", p.version, p.suite)).collect();
    let fitting = packages.into_iter().rev().find(|p| match which {
        Which::Version(wanted) => version::means(&p.version, wanted),
        Which::Stable | Which::Latest => true,
    });
    match (fitting, which, refused.is_empty()) {
        (Some(package), _, _) => {
            for error in refused {
                progress.note(&format!("left out: {error}"));
            }
            Ok(package)
        }
        (None, Which::Version(wanted), _) if !has.is_empty() => {
            let left_out: String = refused.iter().map(|error| format!("; left out: {error}")).collect();
            let why = format!("{} has {}{left_out}", archive.mirror.url, has.join(", "));
            Err(Error::failed(format!("looking for QEMU {wanted}"), why)
                .help("ask for one of these, or get it from elsewhere: --from"))
        }
        (None, _, _) => {
            let Some(first) = refused.into_iter().next() else {
                return Err(Error::failed("looking for emulators", format!("{} has none", archive.mirror.url)));
            };
            Err(first)
        }
    }
}
