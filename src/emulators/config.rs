//! The part of the configuration that fetching reads: the section `[fetch]` of config.toml.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};

/// The system's configuration.
pub const SYSTEM: &str = "etc/rbinfmt/config.toml";

/// What `[fetch]` may say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The mirror of the Debian archive.
    pub mirror: Option<String>,
    /// The keyring that its signatures are held against instead of Debian's.
    pub keyring: Option<PathBuf>,
    /// For a registry, the hosts that are asked before it: `"docker.io" = ["https://mirror.example"]`.
    #[serde(default)]
    pub registry_mirrors: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    fetch: Config,
}

impl Config {
    /// Below this root folder; the defaults where there is no file.
    pub fn load(root: &Path) -> Result<Self> {
        let path = root.join(SYSTEM);
        match std::fs::read_to_string(&path) {
            Ok(text) => Config::parse(&path.display().to_string(), &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Config::default()),
            Err(error) => Err(Error::io(format!("reading {}", path.display()), error)),
        }
    }

    /// From a file's text.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let file: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
            Error::usage(format!("reading {name}:{line}"), error.message())
                .help("[fetch] knows mirror, keyring and registry-mirrors")
        })?;
        Ok(file.fetch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_field_is_named_with_its_line() {
        let error = Config::parse("c", "[fetch]\nmirror = \"http://a\"\nmiror = \"b\"\n").unwrap_err();
        assert!(error.to_string().starts_with("reading c:3"), "{error}");
        assert_eq!(Config::parse("c", "[other]\nx = 1\n").unwrap(), Config::default());
    }
}
