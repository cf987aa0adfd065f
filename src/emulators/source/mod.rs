//! Where emulators come from, as a user writes it.

pub mod file;
mod members;

use std::path::PathBuf;

pub(crate) use self::members::Taking;
use crate::error::{Error, Result};
use crate::oci::reference::Reference;

/// Where emulators come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// The Debian archive, or one like it.
    Debian {
        /// The version.
        which: Which,
        /// The suite, where it is named.
        suite: Option<String>,
    },
    /// A directory with emulators, or a package file.
    Path(PathBuf),
    /// An image in a registry: `docker://docker.io/tonistiigi/binfmt:qemu-v10.2.3`.
    Registry(Reference),
    /// An image as a directory: `oci:DIR`.
    OciLayout(PathBuf),
    /// An image as `docker save` writes it: `docker-archive:FILE`.
    DockerArchive(PathBuf),
}

/// Which version of QEMU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The one of the stable suite.
    Stable,
    /// The newest of all suites.
    Latest,
    /// This one; "10" and "10.0" mean the newest of those.
    Version(String),
}

impl Which {
    /// "stable", "latest", or a version.
    ///
    /// # Errors
    /// A text that is none of these, with what is expected.
    pub fn parse(text: &str) -> Result<Self> {
        let version = text.strip_prefix('v').unwrap_or(text);
        match text {
            "stable" => Ok(Which::Stable),
            "latest" => Ok(Which::Latest),
            _ if version.starts_with(|c: char| c.is_ascii_digit()) => Ok(Which::Version(version.to_owned())),
            _ => Err(Error::usage(
                format!("reading the version {text:?}"),
                "expected stable, latest or a number like 10.0",
            )),
        }
    }
}

impl From {
    /// What `--from` says.
    ///
    /// # Errors
    /// A text that is none of these, with what is expected.
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(reference) = text.strip_prefix("docker://") {
            return Reference::parse(reference).map(From::Registry);
        }
        if let Some(directory) = text.strip_prefix("oci:") {
            return Ok(From::OciLayout(directory.into()));
        }
        if let Some(file) = text.strip_prefix("docker-archive:") {
            return Ok(From::DockerArchive(file.into()));
        }
        if text.is_empty() || text.contains("://") {
            return Err(Error::usage(format!("reading the source {text:?}"), "no source of emulators")
                .help("expected a directory, a package file, docker://IMAGE, oci:DIR or docker-archive:FILE"));
        }
        Ok(From::Path(text.into()))
    }
}
