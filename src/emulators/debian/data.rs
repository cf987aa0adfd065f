//! What is in data/debian.toml and data/debian-archive.pgp.

/// Certificates of the archive's signing keys; those that count are pinned in [`Settings::fingerprints`].
#[cfg(feature = "openpgp")]
pub(super) const KEYS: &[u8] = include_bytes!("../../../data/debian-archive.pgp");

/// The Debian archive's names and pins.
#[derive(Debug)]
pub struct Settings {
    /// Primary keys that count.
    pub fingerprints: &'static [&'static str],
    /// The mirror where nothing names another.
    pub mirror: &'static str,
    /// The suite of `--qemu stable`.
    pub stable: &'static str,
    /// The suites that are looked at for a version.
    pub suites: &'static [&'static str],
    /// The packages with emulators in them.
    pub packages: &'static [&'static str],
    /// The packages of libraries that are not named by Debian's rule.
    pub libraries: &'static [(&'static str, &'static str)],
}

// SETTINGS
include!(concat!(env!("OUT_DIR"), "/debian.rs"));
