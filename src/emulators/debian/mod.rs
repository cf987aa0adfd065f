//! The Debian archive: from a mirror's InRelease, over its signature, to the package with the emulators in it.

mod contents;
mod data;
pub mod deb822;
pub mod libraries;
pub mod mirror;
pub mod openpgp;
pub mod release;
mod suites;
pub mod version;

use std::path::PathBuf;

pub use self::data::{SETTINGS, Settings};
use self::deb822::Paragraph;
use self::mirror::Mirror;
use self::openpgp::Keyring;
use self::release::Release;
use super::store::{Lock, Store};
use crate::architecture::Architecture;
use crate::archive;
use crate::error::{Doing, Error, Result};
use crate::http::Client;
use crate::http::cache::{Cache, Places};
use crate::progress::Progress;
use crate::time::Timestamp;
use crate::verify::{Digest, Expected};

/// The largest InRelease file is Debian sid's, with 200 kB.
const MAX_INRELEASE: u64 = 8 << 20;

/// Debian's largest index of packages has 60 MB decompressed.
const MAX_INDEX: u64 = 512 << 20;

/// The largest package with emulators has 73 MB.
const MAX_PACKAGE: u64 = 1 << 30;

/// All that talking with an archive needs.
pub struct Archive<'a> {
    /// The mirror.
    pub mirror: Mirror,
    /// Whose signatures count.
    pub keyring: Keyring,
    /// The archive's name for this machine.
    pub arch: String,
    /// The transport.
    pub client: &'a Client,
    /// Where fetched files are kept.
    pub cache: Cache,
    /// Where dates are remembered.
    pub store: &'a Store,
    /// The right to do so.
    pub lock: &'a Lock,
    /// This machine's clock.
    pub now: Timestamp,
    /// Whether an expired or rolled-back index is taken.
    pub allow_expired: bool,
    /// How many threads decode.
    pub jobs: usize,
    /// Who is told.
    pub progress: &'a dyn Progress,
}

/// A package as a verified index describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The suite that has it.
    pub suite: String,
    /// That suite's own name, without alias.
    pub codename: String,
    /// Where, below the mirror's root.
    pub path: String,
    /// Its size and hash.
    pub expected: Expected,
}

/// What one suite has to offer.
#[derive(Debug)]
pub enum Offer {
    /// A package.
    Package(Package),
    /// Nothing, and why. Never because of a wrong signature or hash: those are errors.
    Nothing(Error),
}

impl Archive<'_> {
    /// The archive's name for `uname -m`.
    ///
    /// # Errors
    /// A machine for which Debian has no port.
    pub fn arch_of(machine: &str) -> Result<String> {
        let port = Architecture::of_machine(machine).and_then(|arch| arch.abi_of_machine(machine)?.debian);
        port.map(str::to_owned).ok_or_else(|| {
            Error::failed("choosing a package", format!("Debian has no emulators that run on {machine}"))
                .help("get emulators from elsewhere: --from DIR or --from docker://IMAGE")
        })
    }

    /// What this suite has.
    ///
    /// # Errors
    /// A signature or hash that is wrong, an index that is too old, and the network's errors. That the suite has no
    /// emulators is an [`Offer::Nothing`].
    pub fn look(&self, suite: &str) -> Result<Offer> {
        let index = match self.index(suite)? {
            Ok(index) => index,
            Err(nothing) => return Ok(Offer::Nothing(nothing)),
        };
        let names = SETTINGS.packages;
        let is_one = |name: &[u8]| names.iter().any(|n| n.as_bytes() == name);
        let found = index.paragraphs(self.jobs, &is_one, names.len())?;
        match choose(&found) {
            Some(paragraph) => self.package(suite, &index.codename, paragraph).map(Offer::Package),
            None => {
                let why = format!("it has none of the packages {} for {}", names.join(", "), self.arch);
                Ok(Offer::Nothing(nothing_in(suite, why)))
            }
        }
    }

    /// A suite's list of packages for this machine, verified. The inner error says that it has none.
    fn index(&self, suite: &str) -> Result<Result<Index, Error>> {
        self.listed(suite, "packages", &|release, component, arch| release.packages(component, arch))
    }

    /// A file that a suite's Release names, verified. The inner error says that it names none.
    fn listed(&self, suite: &str, what: &str, choose: &Choose) -> Result<Result<Index, Error>> {
        self.progress.step(&format!("reading the index of {suite} at {}", self.mirror.url));
        let release = match self.release(suite)? {
            Ok(release) => release,
            Err(nothing) => return Ok(Err(nothing)),
        };
        let (component, arch) = (&self.mirror.component, &self.arch);
        let Some(index) = choose(&release, component, arch) else {
            return Ok(Err(nothing_in(suite, format!("it has no {what} of {component} for {arch}"))));
        };
        if index.expected.size > MAX_INDEX {
            return Err(Error::failed(
                format!("reading {}", index.path),
                format!("it has {} bytes", index.expected.size),
            ));
        }
        let at = |path: &str| format!("{}/dists/{suite}/{path}", self.mirror.url);
        let mut urls = vec![at(&index.path)];
        if release.by_hash {
            urls.insert(0, at(&index.by_hash()));
        }
        let path = self.cached(&urls, &index.expected)?;
        Ok(Ok(Index { codename: release.codename, url: urls.swap_remove(0), path }))
    }

    /// The package's file, verified.
    ///
    /// # Errors
    /// The network's errors, and a file whose size or hash is not the index's.
    pub fn fetch(&self, package: &Package) -> Result<PathBuf> {
        let url = self.url(package);
        self.progress.step(&format!("fetching {url}"));
        self.cached(&[url], &package.expected)
    }

    fn cached(&self, urls: &[String], expected: &Expected) -> Result<PathBuf> {
        self.cache.file(self.client, &Places { urls, headers: &[] }, expected, self.progress)
    }

    /// Where the package is.
    pub fn url(&self, package: &Package) -> String {
        format!("{}/{}", self.mirror.url, package.path)
    }

    /// The suite's Release text, verified and remembered. The inner error is of an index that says nothing today.
    fn release(&self, suite: &str) -> Result<Result<Release, Error>> {
        let url = format!("{}/dists/{suite}/InRelease", self.mirror.url);
        if suite.is_empty() || suite.starts_with('.') || suite.contains(['/', '?', '#', '%', ' ']) {
            return Err(Error::usage(format!("reading the suite {suite:?}"), "a suite is a plain name")
                .help("for example --suite trixie"));
        }
        let kept = format!("inrelease-{}", &Digest::of(url.as_bytes()).hex()[..16]);
        let bytes = match self.client.options().offline {
            true => match self.cache.kept(&kept, MAX_INRELEASE) {
                Some(bytes) => bytes,
                // The transport has the words for it.
                None => self.client.small(&url, MAX_INRELEASE)?.unwrap_or_default(),
            },
            false => match self.client.small(&url, MAX_INRELEASE)? {
                Some(bytes) => bytes,
                None => {
                    let why = format!("the mirror has no suite {suite}");
                    return Ok(Err(Error::failed(format!("fetching {url}"), why)
                        .help("name another suite (--suite) or mirror (--mirror URL)")));
                }
            },
        };
        let text = self.keyring.open(&url, &bytes, self.now)?;
        let release = Release::parse(&url, &text, suite)?;
        if let Err(error) = release.check_age(&url, self.store.seen(&release.name)?, self.now) {
            if !self.allow_expired {
                return Ok(Err(error));
            }
            self.progress.note(&format!("{error}; accepted (--allow-expired)"));
        }
        self.store.note_seen(self.lock, &release.name, release.date)?;
        if !self.client.options().offline {
            self.cache.keep(&kept, &bytes)?;
        }
        Ok(Ok(release))
    }

    fn package(&self, suite: &str, codename: &str, paragraph: &Paragraph) -> Result<Package> {
        let name = paragraph.get("Package").unwrap_or_default();
        let field = |field: &str| {
            let missing =
                || Error::failed(format!("reading the index of {suite}"), format!("package {name} has no {field}"));
            paragraph.get(field).filter(|v| !v.is_empty()).ok_or_else(missing)
        };
        let broken = |what: &str| {
            Error::failed(format!("reading the index of {suite}"), format!("package {name} has a broken {what}"))
        };
        let expected = Expected {
            sha256: Digest::parse(field("SHA256")?).ok_or_else(|| broken("SHA256"))?,
            size: field("Size")?.parse().ok().filter(|&size| size <= MAX_PACKAGE).ok_or_else(|| broken("Size"))?,
        };
        let path = field("Filename")?;
        if path.starts_with('/') || path.contains("://") || path.split('/').any(|part| part == "..") {
            return Err(broken("Filename"));
        }
        let package = Package {
            name: name.to_owned(),
            version: field("Version")?.to_owned(),
            suite: suite.to_owned(),
            codename: codename.to_owned(),
            path: path.to_owned(),
            expected,
        };
        Ok(package)
    }
}

/// Which file of a Release is meant, for a component and an architecture.
type Choose<'a> = dyn Fn(&Release, &str, &str) -> Option<release::Index> + 'a;

/// A list of packages, or of their files, verified.
struct Index {
    /// The suite's own name.
    codename: String,
    url: String,
    path: PathBuf,
}

impl Index {
    /// The paragraphs of the packages whose names are to be kept, up to `most` of them.
    fn paragraphs(&self, jobs: usize, keep: &dyn Fn(&[u8]) -> bool, most: usize) -> Result<Vec<Paragraph>> {
        archive::decompressed(&self.path, jobs)
            .and_then(|file| deb822::packages(file, keep, most))
            .doing(|| format!("reading {}", self.url))
    }
}

fn nothing_in(suite: &str, why: String) -> Error {
    Error::failed(format!("looking for packages in {suite}"), why)
        .help("name another suite (--suite), or another mirror (--mirror URL)")
}

/// The package with the static emulators: it depends on no other. (bookworm's qemu-user is dynamic and needs libraries;
/// trixie's qemu-user-static is empty and needs qemu-user.)
fn choose(found: &[Paragraph]) -> Option<&Paragraph> {
    let needs = |p: &&Paragraph| p.get("Depends").is_some() || p.get("Pre-Depends").is_some();
    found.iter().find(|p| !needs(p)).or_else(|| found.iter().find(|p| p.get("Package") == Some("qemu-user-static")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_static_package_is_the_one_without_dependencies() {
        let p = |text: &str| Paragraph::first(text).unwrap();
        let bookworm = [p("Package: qemu-user\nDepends: libc6"), p("Package: qemu-user-static\nRecommends: x")];
        assert_eq!(choose(&bookworm).unwrap().get("Package"), Some("qemu-user-static"));
        let trixie = [p("Package: qemu-user\nRecommends: x"), p("Package: qemu-user-static\nDepends: qemu-user")];
        assert_eq!(choose(&trixie).unwrap().get("Package"), Some("qemu-user"));
    }
}
