//! What stands in data/debian.toml and data/debian-archive.pgp.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Error, Result};

/// Certificates of the archive's signing keys; those that count are pinned in [`Settings::fingerprints`].
#[cfg(feature = "openpgp")]
pub(super) const KEYS: &[u8] = include_bytes!("../../../data/debian-archive.pgp");

/// The Debian archive's names and pins.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Primary keys that count.
    pub fingerprints: Vec<String>,
    /// The mirror where nothing names another.
    pub mirror: String,
    /// The suite of `--qemu stable`.
    pub stable: String,
    /// The suites that are looked at for a version.
    pub suites: Vec<String>,
    /// The packages with emulators in them.
    pub packages: Vec<String>,
    /// `uname -m` to the archive's name.
    pub architectures: BTreeMap<String, String>,
}

/// The built-in settings.
pub fn settings() -> Result<Settings> {
    toml::from_str(include_str!("../../../data/debian.toml"))
        .map_err(|e| Error::failed("reading data/debian.toml", e.message()))
}
