//! The emulators that are installed: one directory for each version, and which of them is in use for each architecture.
//!
//! ```text
//! lock                        held by whoever changes something
//! current.json                which version is in use, for each architecture; the one file that a reader needs
//! versions/ID/manifest.json   where a version is from, and what is in it
//! versions/ID/qemu-ARCH       the emulators
//! seen.json                   the newest date seen of each suite
//! in-use/  links.json         links that follow the version in use
//! cache/  tmp/                fetched files; what is being written
//! ```
//!
//! Everything is written under a temporary name, synced and renamed: a kill at any moment leaves the old state or the new one.

mod links;
mod lock;
mod manifest;
mod staging;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::links::Links;
pub use self::lock::Lock;
pub use self::manifest::{Item, Manifest};
pub use self::staging::Staging;
use super::Emulator;
use super::debian::version;
use crate::error::{Doing, Error, Result};
use crate::http::cache::Cache;
use crate::proc;
use crate::selinux;
use crate::temporary::NEW;
use crate::time::{Timestamp, seconds};
use crate::verify;

/// What the store says of itself: a line for each emulator.
const MAX_LIST: u64 = 16 << 20;

/// The newest date seen of each suite, in seconds since 1970.
type Seen = BTreeMap<String, i64>;

/// The store of a system.
pub const SYSTEM: &str = "/var/lib/rbinfmt";

/// The installed emulators.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    /// What `root` leads through, where that is a directory which is held open, and where it is otherwise.
    held: Option<(Arc<OwnedFd>, PathBuf)>,
}

/// Which version is in use for an architecture, with all that a registration needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Choice {
    id: String,
    version: String,
    #[serde(flatten)]
    item: Item,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Choices {
    current: BTreeMap<String, Choice>,
}

/// What gc took away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// The versions that were in use for nothing.
    pub versions: Vec<String>,
    /// How many bytes that freed, with those of the cache.
    pub bytes: u64,
}

impl Store {
    /// The store in this directory. Nothing is read or made yet.
    pub fn open(root: impl Into<PathBuf>) -> Self {
        Store { root: root.into(), held: None }
    }

    /// The store in a directory that is held open, which is at `place`.
    pub(crate) fn held(directory: OwnedFd, place: PathBuf) -> Self {
        Store { root: proc::of_descriptor(&directory), held: Some((Arc::new(directory), place)) }
    }

    /// The store of whoever runs this.
    ///
    /// # Errors
    /// Where no environment variable says where that is.
    pub fn of_process() -> Result<Self> {
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        Store::place(nix::unistd::Uid::effective().is_root(), variable).map(Store::open)
    }

    /// Where the store is: $RBINFMT_STORE, /var/lib/rbinfmt for root, $XDG_DATA_HOME/rbinfmt for others.
    ///
    /// # Errors
    /// None of the variables is set, and we are not root.
    pub fn place(root: bool, variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf> {
        let set = |name: &str| variable(name).filter(|path| !path.as_os_str().is_empty());
        if let Some(path) = set("RBINFMT_STORE") {
            return std::path::absolute(&path).doing(|| format!("finding the store {}", path.display()));
        }
        if root {
            return Ok(SYSTEM.into());
        }
        // The XDG rules: a relative path does not count.
        let data =
            set("XDG_DATA_HOME").filter(|p| p.is_absolute()).or_else(|| set("HOME").map(|h| h.join(".local/share")));
        data.map(|data| data.join("rbinfmt")).ok_or_else(|| {
            Error::usage("finding the store", "neither RBINFMT_STORE nor XDG_DATA_HOME nor HOME is set")
                .help("set RBINFMT_STORE to a directory")
        })
    }

    /// Its directory, as files are reached in it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where its directory is.
    pub(crate) fn location(&self) -> &Path {
        self.held.as_ref().map_or(&self.root, |(_, place)| place)
    }

    /// Labels a file of a system's store as a program.
    fn label(&self, path: &Path) -> Result<()> {
        let inside = SYSTEM.trim_start_matches('/');
        let place = self.location();
        if !place.ends_with(inside) {
            return Ok(());
        }
        let root = place.ancestors().nth(Path::new(inside).components().count()).unwrap_or(Path::new("/"));
        selinux::label_as_program(path, root)
    }

    /// Its cache of fetched files.
    pub fn cache(&self) -> Cache {
        Cache::new(self.root.join("cache"))
    }

    /// The emulator in use for QEMU's name of an architecture ("aarch64").
    ///
    /// # Errors
    /// The store's list of what is in use cannot be read, or is not as we write it.
    pub fn current(&self, arch: &str) -> Result<Option<Emulator>> {
        Ok(self.all_current()?.remove(arch))
    }

    /// The emulators in use, by architecture. Reads one small file, and looks at the size of each.
    ///
    /// # Errors
    /// The store's list of what is in use cannot be read, or is not as we write it. A missing or shortened emulator is left
    /// out.
    pub fn all_current(&self) -> Result<BTreeMap<String, Emulator>> {
        let mut whole = BTreeMap::new();
        for (arch, emulator) in self.all_chosen()? {
            // What somebody deleted by hand or cut short is not installed, whatever the list says.
            if emulator.has_its_size()? {
                whole.insert(arch, emulator);
            }
        }
        Ok(whole)
    }

    /// The emulators that were chosen, whether or not they are still there.
    fn all_chosen(&self) -> Result<BTreeMap<String, Emulator>> {
        let choices: Choices = self.read("current.json")?.unwrap_or_default();
        let emulators = choices.current.into_iter().map(|(arch, c)| {
            let emulator = self.emulator(&arch, &c.id, &c.version, c.item);
            (arch, emulator)
        });
        Ok(emulators.collect())
    }

    /// All versions, oldest first.
    ///
    /// # Errors
    /// The directory, or the manifest of a version, cannot be read.
    pub fn versions(&self) -> Result<Vec<Manifest>> {
        let directory = self.root.join("versions");
        let mut versions = Vec::new();
        let listing = match fs::read_dir(&directory) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(versions),
            Err(error) => return Err(Error::io(format!("listing {}", directory.display()), error)),
        };
        for item in listing {
            let name = item.doing(|| format!("listing {}", directory.display()))?.file_name();
            let id = name.to_string_lossy();
            versions.extend(self.manifest(&id)?);
        }
        versions.sort_by(|a, b| version::compare(&a.version, &b.version).then_with(|| a.id.cmp(&b.id)));
        Ok(versions)
    }

    /// The version that a user means: an id, its unambiguous start, or a version number.
    ///
    /// # Errors
    /// There is no such version, or more than one that it can mean.
    pub fn find(&self, wanted: &str) -> Result<Manifest> {
        let all = self.versions()?;
        let doing = || format!("looking for {wanted:?} in {}", self.root.display());
        let means: [&dyn Fn(&Manifest) -> bool; 3] =
            [&|m| m.id == wanted, &|m| m.id.starts_with(wanted), &|m| version::means(&m.version, wanted)];
        for rule in means {
            let mut found = all.iter().filter(|m| rule(m));
            match (found.next(), found.next()) {
                (Some(one), None) => return Ok(one.clone()),
                (Some(one), Some(other)) => {
                    let why = format!("it can be {} or {}", one.id, other.id);
                    return Err(Error::usage(doing(), why).help("`rbinfmt emulators` lists them all"));
                }
                _ => {}
            }
        }
        let error = Error::usage(doing(), "there is no such version");
        Err(match all.is_empty() {
            true => error.help("the store is empty: `rbinfmt fetch` fills it"),
            false => error.help("`rbinfmt emulators` lists them; `rbinfmt fetch --qemu VERSION` fetches another"),
        })
    }

    /// Makes a version the one in use for these architectures, or for all that it has.
    ///
    /// # Errors
    /// There is no such version, or it does not have one of them; the list of what is in use cannot be written.
    pub fn use_(&self, lock: &Lock, id: &str, archs: &[String]) -> Result<Vec<Emulator>> {
        let manifest =
            self.manifest(id)?.ok_or_else(|| Error::usage(format!("choosing {id}"), "there is no such version"))?;
        let mut choices: Choices = self.read("current.json")?.unwrap_or_default();
        let mut chosen = Vec::new();
        for (arch, item) in manifest.emulators.iter().filter(|(a, _)| archs.is_empty() || archs.contains(a)) {
            let choice = Choice { id: id.to_owned(), version: manifest.version.clone(), item: item.clone() };
            choices.current.insert(arch.clone(), choice);
            chosen.push(self.emulator(arch, id, &manifest.version, item.clone()));
        }
        if let Some(missing) = archs.iter().find(|a| !manifest.emulators.contains_key(*a)) {
            let why = format!("it has no emulator for {missing}");
            let has = manifest.emulators.keys().cloned().collect::<Vec<_>>().join(" ");
            return Err(Error::usage(format!("choosing {id}"), why).help(format!("it has {has}")));
        }
        self.write(lock, "current.json", &choices)?;
        self.follow(lock)?;
        Ok(chosen)
    }

    /// Notes whether an emulator gets argv\[0\] as flag P passes it, as was found by running it.
    ///
    /// # Errors
    /// The store's files cannot be read or written.
    pub fn note_preserves_argv0(&self, lock: &Lock, id: &str, arch: &str, preserves: bool) -> Result<()> {
        let Some(mut manifest) = self.manifest(id)? else { return Ok(()) };
        let Some(item) = manifest.emulators.get_mut(arch) else { return Ok(()) };
        item.preserves_argv0 = Some(preserves);
        self.write(lock, &format!("versions/{id}/manifest.json"), &manifest)?;
        let mut choices: Choices = self.read("current.json")?.unwrap_or_default();
        if let Some(choice) = choices.current.get_mut(arch).filter(|c| c.id == id) {
            choice.item.preserves_argv0 = Some(preserves);
            self.write(lock, "current.json", &choices)?;
        }
        Ok(())
    }

    /// Takes a version out. One that is in use stays.
    ///
    /// # Errors
    /// It is in use, or cannot be removed.
    pub fn remove(&self, lock: &Lock, id: &str) -> Result<u64> {
        let users: Vec<String> = self.all_chosen()?.into_values().filter(|e| e.id == id).map(|e| e.arch).collect();
        if !users.is_empty() {
            return Err(Error::failed(format!("removing {id}"), format!("it is in use for {}", users.join(" ")))
                .help("choose another first: `rbinfmt emulators use ID`"));
        }
        let directory = self.root.join("versions").join(id);
        let bytes = crate::http::cache::directory_size(&directory);
        // Out of sight in one step; what a kill leaves in tmp is swept by the next who takes the lock.
        let tomb = lock.temporary(&self.root)?;
        fs::rename(&directory, tomb.path().join("removed")).doing(|| format!("removing {}", directory.display()))?;
        sync_directory(&self.root.join("versions"))?;
        tomb.close().doing(|| format!("removing what was {}", directory.display()))?;
        Ok(bytes)
    }

    /// Takes out all versions that are in use for nothing and are not among `kept`, and empties the cache.
    ///
    /// # Errors
    /// A version or the cache cannot be read or removed.
    pub fn gc(&self, lock: &Lock, kept: &BTreeSet<String>) -> Result<Swept> {
        let mut swept = Swept { bytes: self.cache().clear()?, ..Swept::default() };
        let current = self.all_chosen()?;
        for manifest in self.versions()? {
            if !kept.contains(&manifest.id) && !current.values().any(|e| e.id == manifest.id) {
                swept.bytes += self.remove(lock, &manifest.id)?;
                swept.versions.push(manifest.id);
            }
        }
        Ok(swept)
    }

    /// The newest date seen of a suite.
    ///
    /// # Errors
    /// The store's list of dates cannot be read, or is not as we write it.
    pub fn seen(&self, suite: &str) -> Result<Option<Timestamp>> {
        Ok(self.read::<Seen>("seen.json")?.and_then(|seen| seen.get(suite).copied()).map(seconds))
    }

    /// Remembers that an index of a suite with this date was verified.
    ///
    /// # Errors
    /// The store's list of dates cannot be read or written.
    pub fn note_seen(&self, lock: &Lock, suite: &str, date: Timestamp) -> Result<()> {
        let mut seen: Seen = self.read("seen.json")?.unwrap_or_default();
        let date = date.as_second();
        if seen.get(suite).is_none_or(|&old| old < date) {
            seen.insert(suite.to_owned(), date);
            self.write(lock, "seen.json", &seen)?;
        }
        Ok(())
    }

    /// What a version's directory says it is; `None` where there is none, or half of one.
    ///
    /// # Errors
    /// A manifest that cannot be read, or is not as we write it.
    pub fn manifest(&self, id: &str) -> Result<Option<Manifest>> {
        // An id comes from the command line: it names a directory in versions and nothing else.
        if id.is_empty() || id.starts_with('.') || id.contains('/') {
            return Ok(None);
        }
        self.read(&format!("versions/{id}/manifest.json"))
    }

    fn emulator(&self, arch: &str, id: &str, version: &str, item: Item) -> Emulator {
        let path = self.root.join("versions").join(id).join(format!("qemu-{arch}"));
        Emulator {
            arch: arch.to_owned(),
            path,
            id: id.to_owned(),
            version: version.to_owned(),
            sha256: item.sha256,
            size: item.size,
            preserves_argv0: item.preserves_argv0,
        }
    }

    /// The version that this file is of, where it is one of the store's.
    pub fn version_of(&self, emulator: &Path) -> Option<String> {
        let below = emulator.strip_prefix(self.root.join("versions")).ok()?;
        below.iter().next()?.to_str().map(str::to_owned)
    }

    /// The emulators of a version.
    pub fn emulators(&self, manifest: &Manifest) -> Vec<Emulator> {
        let of = |(arch, item): (&String, &Item)| self.emulator(arch, &manifest.id, &manifest.version, item.clone());
        manifest.emulators.iter().map(of).collect()
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Result<Option<T>> {
        let path = self.root.join(name);
        let doing = || format!("reading {}", path.display());
        let bytes = match verify::small_file(&path, MAX_LIST) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(Error::io(doing(), error)),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            Error::failed(doing(), error).help(format!(
                "it was changed by hand or the disk is damaged; remove {} and fetch again",
                self.root.display()
            ))
        })
    }

    fn write<T: Serialize>(&self, _held: &Lock, name: &str, value: &T) -> Result<()> {
        let path = self.root.join(name);
        let bytes =
            serde_json::to_vec_pretty(value).map_err(|e| Error::failed(format!("writing {}", path.display()), e))?;
        write_whole(&path, &bytes)
    }
}

/// Writes a file that everybody may read under a temporary name, syncs it and puts it there.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write_file(path, bytes, 0o644)
}

/// Likewise, with this mode.
pub(crate) fn write_file(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let doing = || format!("writing {}", path.display());
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(NEW).tempfile_in(directory).doing(doing)?;
    // Whatever root's umask is.
    file.as_file().set_permissions(fs::Permissions::from_mode(mode)).doing(doing)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).doing(doing)?;
    file.persist(path).map_err(|e| e.error).doing(doing)?;
    sync_directory(directory)
}

/// A rename is only kept when its directory is synced.
pub(crate) fn sync_directory(directory: &Path) -> Result<()> {
    fs::File::open(directory).and_then(|f| f.sync_all()).doing(|| format!("syncing {}", directory.display()))
}
