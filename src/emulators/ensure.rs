//! The one door: what is wanted, from the store, or fetched into it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::debian::libraries::{self, Libraries};
use super::debian::mirror::{self, Mirror, Wish};
use super::debian::openpgp::Keyring;
use super::debian::{Archive, SETTINGS, version};
use super::image::take_layers;
use super::source::{Taking, file};
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
    ///
    /// # Errors
    /// A store that cannot be read or written; a source that cannot be reached, is not what was expected, or does not have
    /// all that is wanted.
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
                self.image(lock, &wanted, Named { what, digest: Digest::of(&index), bytes: &index }, &mut files)?
            }
            From::DockerArchive(path) => {
                let what = format!("docker-archive:{}", path.display());
                let (mut files, list) = Files::saved(path)?;
                let (layers, digest) = resolve::saved_layers(&what, &list, &mut files)?;
                let mut taking = self.taking(lock, &wanted)?;
                take_layers(&what, &layers, &mut files, &mut taking)?;
                let verified_by = format!("image {digest}");
                commit(taking, Origin { what, id: image_id(digest), version: None, verified_by })?
            }
        };
        have.extend(self.store.emulators(&manifest).into_iter().filter(|e| wanted.has(&e.arch)));
        Ok(have)
    }

    /// Adds packages of a Debian port, and the libraries that they depend on, to the store's tree of libraries. Returns the
    /// wishes for which there is no package.
    ///
    /// # Errors
    /// The archive cannot be reached, or what comes from it is not what was expected; a tree that cannot be written.
    pub fn libraries<'w>(
        &self,
        port: &str,
        to: &Libraries,
        wishes: &'w [libraries::Wish],
    ) -> Result<Vec<&'w libraries::Wish>> {
        let lock = self.store.lock(self.progress)?;
        let mut archive = self.archive(&lock, port)?;
        // Ubuntu's libraries of other architectures are on other hosts, signed by other keys.
        if !archive.mirror.suites.is_empty() {
            archive.mirror = Mirror::new(SETTINGS.mirror, None, "built in");
            archive.keyring = Keyring::debian()?;
        }
        archive.add_libraries(to, wishes)
    }

    /// The archive for this architecture of Debian's.
    fn archive<'a>(&'a self, lock: &'a Lock, arch: &str) -> Result<Archive<'a>> {
        let config = &self.config;
        let wish = Wish {
            flag: self.wish.flag.clone(),
            config: config.mirror.clone(),
            keyring: self.wish.keyring.clone().or_else(|| config.keyring.clone()),
        };
        let mirror = mirror::choose(&wish, &self.root);
        if let (None, Some(keyring)) = (&self.wish.keyring, &config.keyring) {
            trust::require(format!("reading the keyring {}", keyring.display()), keyring)?;
        }
        let keyring = match &mirror.keyring {
            Some(path) => Keyring::read(path)?,
            None => Keyring::debian()?,
        };
        if let Some(login) = &mirror.login {
            self.client.log_in(&mirror.url, login);
        }
        Ok(Archive {
            arch: arch.to_owned(),
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
        })
    }

    fn debian(&self, lock: &Lock, wanted: &Wanted, which: &Which, suite: Option<&str>) -> Result<Manifest> {
        let archive = self.archive(lock, &Archive::arch_of(&self.machine)?)?;
        let package = archive.find(which, suite)?;
        let id =
            format!("debian-{}", package.version.split_once(':').map_or(package.version.as_str(), |(_, rest)| rest));
        if let Some(manifest) = self.whole(&id, wanted)? {
            return Ok(manifest);
        }
        let file = archive.fetch(&package)?;
        self.progress.step(&format!("extracting emulators from {} {}", package.name, package.version));
        let mut taking = self.taking(lock, wanted)?;
        let what = archive.url(&package);
        file::take_package(&file, &what, true, &mut taking)?;
        let verified_by = format!("index of {}, signed by a key of {}", package.suite, archive.keyring.name());
        let manifest = commit(taking, Origin { what, id, version: Some(package.version.clone()), verified_by })?;
        if manifest.complete {
            archive.cache.forget(&package.expected);
        }
        Ok(manifest)
    }

    fn path(&self, lock: &Lock, wanted: &Wanted, path: &Path) -> Result<Manifest> {
        let path = std::path::absolute(path).map_err(|e| Error::io(format!("finding {}", path.display()), e))?;
        let what = path.display().to_string();
        self.progress.step(&format!("extracting emulators from {what}"));
        let mut taking = self.taking(lock, wanted)?;
        let found = if path.is_dir() {
            file::take_directory(&path, &mut taking)?
        } else {
            let (_, found) = file::verify(&path)?;
            file::take_package(&path, &what, found.verified, &mut taking)?;
            found
        };
        let id = format!("file-{}", found.id);
        // The name is that of the content: what is in use already is not replaced by the same.
        if let Some(manifest) = self.whole(&id, wanted)? {
            return Ok(manifest);
        }
        commit(taking, Origin { what, id, version: None, verified_by: found.verified_by })
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
            self.image(lock, wanted, Named { what, digest, bytes: &bytes }, &mut registry)
        })
    }

    fn image(&self, lock: &Lock, wanted: &Wanted, image: Named, parts: &mut dyn Stored) -> Result<Manifest> {
        let id = image_id(image.digest);
        if let Some(manifest) = self.whole(&id, wanted)? {
            return Ok(manifest);
        }
        let layers = resolve::layers(&image.what, image.bytes, &Platform::of_machine(&self.machine), parts)?;
        let mut taking = self.taking(lock, wanted)?;
        take_layers(&image.what, &layers, parts, &mut taking)?;
        let verified_by = format!("digest sha256:{}", image.digest);
        commit(taking, Origin { what: image.what, id, version: None, verified_by })
    }

    fn taking<'a>(&'a self, lock: &'a Lock, wanted: &'a Wanted) -> Result<Taking<'a>> {
        Ok(Taking { wanted, staging: Staging::new(self.store, lock, &self.machine)?, jobs: self.policy.jobs })
    }
}

/// Where emulators were taken from.
struct Origin {
    /// For people, and for the next time: a URL, a path.
    what: String,
    /// Its name in the store.
    id: String,
    /// The version, where it is known from elsewhere than the emulators themselves.
    version: Option<String>,
    verified_by: String,
}

/// Puts what was taken into the store, or says what is missing.
fn commit(taking: Taking, origin: Origin) -> Result<Manifest> {
    let items = taking.staging.items();
    let doing = format!("extracting emulators from {}", origin.what);
    if let (Wanted::These(archs), false) = (taking.wanted, taking.is_done()) {
        let missing: Vec<&str> = archs.iter().filter(|a| !items.contains_key(*a)).map(String::as_str).collect();
        return Err(Error::failed(doing, format!("it has none for {}", missing.join(" "))).help(
            "another version may have it: `rbinfmt fetch --qemu VERSION`; `rbinfmt emulators` lists what is here",
        ));
    }
    if items.is_empty() {
        return Err(
            Error::failed(doing, "there is none in it").help("expected files named qemu-ARCH or qemu-ARCH-static")
        );
    }
    let reported = || items.values().find_map(|i| i.reports.as_deref()?.split(' ').next().map(str::to_owned));
    let version = origin.version.or_else(reported).unwrap_or_else(|| "unknown".to_owned());
    let manifest = Manifest {
        id: origin.id,
        version,
        source: origin.what,
        verified_by: origin.verified_by,
        fetched: time::now(),
        complete: *taking.wanted == Wanted::All,
        emulators: Default::default(),
    };
    taking.staging.commit(manifest)
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
