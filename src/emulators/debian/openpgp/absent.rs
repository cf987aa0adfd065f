//! The keyring of a build without the feature `openpgp`: every way to make one is an error.

use std::path::Path;

use crate::error::{Error, Result};
use crate::time::Timestamp;

/// Whose signatures count; there is none here.
#[derive(Debug, Clone)]
pub enum Keyring {}

impl Keyring {
    /// The Debian archive's keys.
    ///
    /// # Errors
    /// Always: they could not be used.
    pub fn debian() -> Result<Self> {
        Err(refused("the Debian archive's keys"))
    }

    /// A keyring file.
    ///
    /// # Errors
    /// Always: it could not be used.
    pub fn read(path: &Path) -> Result<Self> {
        Err(refused(path.display()))
    }

    /// What to call it in a sentence.
    pub fn name(&self) -> &str {
        match *self {}
    }

    /// The text inside a clear-signed file.
    ///
    /// # Errors
    /// None: there is no keyring to ask.
    pub fn open(&self, _what: &str, _bytes: &[u8], _now: Timestamp) -> Result<String> {
        match *self {}
    }
}

fn refused(keys: impl std::fmt::Display) -> Error {
    let why = "this build cannot verify OpenPGP signatures (it lacks the feature openpgp)";
    Error::failed(format!("verifying a Debian archive with {keys}"), why).help(
        "fetch from elsewhere, pinned by a hash: --from docker://IMAGE@sha256:DIGEST, or a directory with SHA256SUMS; \
         or build rbinfmt with its default features",
    )
}
