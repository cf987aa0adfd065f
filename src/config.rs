//! /etc/rbinfmt/config.toml: what the system as a whole wants.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result, Status};

/// The configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Architectures by any spelling, or "all". Entries of ours for others are removed.
    pub architectures: Vec<String>,
    /// Where emulators are taken from; the usual folders where it is left out.
    #[serde(default)]
    pub emulators: Vec<PathBuf>,
    /// Flag C.
    #[serde(default = "yes")]
    pub credentials: bool,
    /// Read where emulators are fetched.
    #[serde(default)]
    #[allow(dead_code)]
    fetch: toml::Table,
}

fn yes() -> bool {
    true
}

impl Config {
    /// Reads it.
    pub fn read(path: &Path) -> Result<Config> {
        let text = fs::read_to_string(path).map_err(|error| {
            let doing = format!("reading the configuration {}", path.display());
            let missing = error.kind() == ErrorKind::NotFound;
            let error = Error::io(doing, error).with_status(Status::Usage);
            if missing {
                error.help("name architectures (`rbinfmt install arm64`, `rbinfmt install all`), or write that file")
            } else {
                error
            }
        })?;
        toml::from_str(&text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start).min(text.len());
            let line = 1 + text[..at].matches('\n').count();
            Error::usage(format!("{}:{line}", path.display()), error.message())
        })
    }
}
