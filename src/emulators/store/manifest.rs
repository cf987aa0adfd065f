//! What a version's directory says about itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::verify::Digest;

/// A version in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The name of its directory.
    pub id: String,
    /// Its version, as its source writes it.
    pub version: String,
    /// Where it was fetched: a URL, an image by digest, a directory.
    pub source: String,
    /// What it was verified by ("proof" in manifests of 0.1).
    #[serde(alias = "proof")]
    pub verified_by: String,
    /// When; a number of seconds since 1970 in the file.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub fetched: Timestamp,
    /// Whether all of the source's emulators are here, so that there is nothing more to get from it.
    #[serde(default)]
    pub complete: bool,
    /// Its emulators by architecture.
    pub emulators: BTreeMap<String, Item>,
}

/// One emulator of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its length.
    pub size: u64,
    /// Its hash.
    pub sha256: Digest,
    /// The version that stands in it: "7.2.22 (Debian ...)".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reports: Option<String>,
    /// Whether it takes argv\[0\] as flag P hands it over; unknown until it was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preserves_argv0: Option<bool>,
}
