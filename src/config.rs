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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_understood_as_it_is_and_with_every_line_in_use() {
        let example = include_str!("../packaging/config.toml");
        let config: Config = toml::from_str(example).unwrap();
        assert!(config.credentials && config.emulators.is_empty());
        let settings = ["# emulators", "# credentials", "# [fetch]", "# mirror"];
        let used = settings.iter().fold(example.to_owned(), |text, line| text.replace(line, &line[2..]));
        let config: Config = toml::from_str(&used).unwrap();
        assert_eq!(config.emulators.len(), 1);
        let fetch = crate::emulators::config::Config::parse("example", &used).unwrap();
        assert!(fetch.mirror.is_some());
    }
}
