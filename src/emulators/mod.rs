//! Emulators: where they come from, how they are verified, and where they are kept.
//!
//! ```text
//! ensure      what is asked for, from the store or fetched           the one door for the registrar
//! source/     a directory, a package file, the Debian archive, an image: each hands over named emulators
//! debian/     mirror -> InRelease -> signature -> index -> package    image       the layers of an image (crate::oci)
//! elf         can it run here             store/      versions and which is in use
//! ```

pub mod debian;
pub mod elf;
mod ensure;
mod env;
pub mod find;
mod image;
pub mod known_bad;
pub mod source;
pub mod store;

use std::io::ErrorKind;
use std::path::PathBuf;

use serde::Serialize;

pub use self::ensure::{Fetcher, Policy, Use};
pub use self::env::{FetchEnv, FetchOptions};
pub use self::source::{From, Which};
pub use self::store::Store;
use crate::architecture::Architecture;
use crate::error::{Doing, Error, Result};
use crate::profile::Profiles;
use crate::verify::{Digest, of_file};

/// An installed emulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Emulator {
    /// QEMU's name of what it emulates: "aarch64".
    pub arch: String,
    /// Where it is. Its file name is "qemu-ARCH".
    pub path: PathBuf,
    /// The version's name in the store.
    pub id: String,
    /// Its version, as its source writes it.
    pub version: String,
    /// Its hash.
    pub sha256: Digest,
    /// Its length.
    pub size: u64,
    /// Whether it takes argv\[0\] as flag P hands it over; unknown until it was run.
    pub preserves_argv0: Option<bool>,
}

impl Emulator {
    /// Whether its file is there and has its length.
    ///
    /// # Errors
    /// Where that cannot be seen: it is not taken for absent then.
    pub fn has_its_size(&self) -> Result<bool> {
        match std::fs::metadata(&self.path) {
            Ok(file) => Ok(file.is_file() && file.len() == self.size),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
            Err(error) => Err(Error::io(format!("looking at {}", self.path.display()), error)),
        }
    }

    /// Whether its file is there and holds the bytes that were verified when it was fetched. Reads all of it.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn is_whole(&self) -> Result<bool> {
        if !self.has_its_size()? {
            return Ok(false);
        }
        let came = of_file(&self.path, self.size).doing(|| format!("reading {}", self.path.display()))?;
        Ok(came.sha256 == self.sha256)
    }
}

/// Which emulators are wanted, by QEMU's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All that the source has.
    All,
    /// These.
    These(Vec<String>),
}

impl Wanted {
    /// QEMU's names of architectures as a user spells them; all where none is named.
    ///
    /// # Errors
    /// A name that neither a profile nor QEMU can have.
    pub fn named(archs: &[String], profiles: &Profiles) -> Result<Self> {
        if archs.is_empty() || archs == ["all"] {
            return Ok(Wanted::All);
        }
        let name = |arch: &String| match profiles.spelled(arch) {
            Some(profile) => Ok(profile.name.clone()),
            // QEMU has more targets than there are profiles.
            None if valid_arch(arch) => Ok(arch.clone()),
            None => profiles.find(arch).map(|p| p.name.clone()),
        };
        archs.iter().map(name).collect::<Result<_>>().map(Wanted::These)
    }

    /// Whether this one is among them. "All" are those that QEMU has: qemu-img and qemu-debootstrap are none.
    pub fn has(&self, arch: &str) -> bool {
        match self {
            Wanted::All => Architecture::named(arch).is_some(),
            Wanted::These(archs) => archs.iter().any(|a| a == arch),
        }
    }
}

/// What an emulator's file name tells: "aarch64" of "qemu-aarch64" and "qemu-aarch64-static".
pub fn arch_of(file_name: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(file_name).ok()?.strip_prefix("qemu-")?;
    let name = name.strip_suffix("-static").unwrap_or(name);
    valid_arch(name).then_some(name)
}

/// Whether this can be QEMU's name of an architecture. It becomes part of a file's name.
pub fn valid_arch(name: &str) -> bool {
    (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_of_emulators() {
        assert_eq!(arch_of(b"qemu-aarch64_be-static"), Some("aarch64_be"));
        assert_eq!(arch_of(b"qemu-x86_64"), Some("x86_64"));
        for other in [&b"qemu-system-x86_64"[..], b"qemu-", b"qemu-..", b"aarch64-binfmt-P", b"qemu-\xff"] {
            assert_eq!(arch_of(other), None);
        }
        assert!(!Wanted::All.has("img") && !Wanted::All.has("debootstrap") && Wanted::All.has("arm"));
    }
}
