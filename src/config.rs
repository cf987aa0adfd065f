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

/// The first lines of a configuration that we write.
const HEAD: &str = "\
# What this system wants of rbinfmt; rbinfmt.service makes it so at every boot, `systemctl reload rbinfmt` at once.
";

/// The configuration with these architectures in it; all else stays as it is. `old` is what there is.
pub fn with_architectures(path: &Path, old: Option<&str>, archs: &[String]) -> Result<String> {
    let wrong = |error: toml_edit::TomlError| mistake(path, old.unwrap_or_default(), error.span(), error.message());
    let mut list = toml_edit::value(archs.iter().map(String::as_str).collect::<toml_edit::Array>());
    let Some(old) = old else { return Ok(format!("{HEAD}architectures = {list}\n")) };
    let mut document: toml_edit::DocumentMut = old.parse().map_err(wrong)?;
    let present = &mut document["architectures"];
    if let (Some(present), Some(list)) = (present.as_value(), list.as_value_mut()) {
        // The comment behind it.
        *list.decor_mut() = present.decor().clone();
    }
    *present = list;
    Ok(document.to_string())
}

fn mistake(path: &Path, text: &str, span: Option<std::ops::Range<usize>>, why: &str) -> Error {
    let at = span.map_or(0, |span| span.start).min(text.len());
    let line = 1 + text[..at].matches('\n').count();
    Error::usage(format!("{}:{line}", path.display()), why)
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
        Config::parse(path, &text)
    }

    /// Reads its text; `path` names it in errors.
    pub fn parse(path: &Path, text: &str) -> Result<Config> {
        toml::from_str(text).map_err(|error| mistake(path, text, error.span(), error.message()))
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

    #[test]
    fn a_list_of_architectures_goes_into_what_there_is() {
        let path = Path::new("c");
        let archs = ["arm64".to_owned(), "s390x".to_owned()];
        let new = with_architectures(path, None, &archs).unwrap();
        assert_eq!(new, format!("{HEAD}architectures = [\"arm64\", \"s390x\"]\n"));
        let example = include_str!("../packaging/config.toml");
        let changed = with_architectures(path, Some(example), &archs).unwrap();
        let differing: Vec<_> = example.lines().zip(changed.lines()).filter(|(a, b)| a != b).map(|(_, b)| b).collect();
        assert_eq!(differing, [r#"architectures = ["arm64", "s390x"]"#]);
        assert_eq!(with_architectures(path, Some(&changed), &archs).unwrap(), changed);
        let cut = with_architectures(path, Some("credentials = true\narchitectures = ["), &archs).unwrap_err();
        assert!(cut.to_string().starts_with("c:2: "), "{cut}");
    }
}
