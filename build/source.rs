//! A TOML file and what is wrong with it.

use std::fmt::{self, Display};
use std::fs;
use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::Spanned;

/// A file of the source tree.
pub(crate) struct Source {
    pub(crate) name: String,
    text: String,
}

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct Mistake(pub(crate) String);

impl Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Source {
    pub(crate) fn open(root: &Path, name: &str) -> Result<Source, Mistake> {
        let text = fs::read_to_string(root.join(name)).map_err(|why| Mistake(format!("reading {name}: {why}")))?;
        Ok(Source::new(name, &text))
    }

    pub(crate) fn new(name: &str, text: &str) -> Source {
        Source { name: name.into(), text: text.into() }
    }

    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, Mistake> {
        toml::from_str(&self.text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            self.mistake(&span, self.field_at(span.start), error.message())
        })
    }

    pub(crate) fn mistake(&self, span: &Range<usize>, field: &str, why: impl Display) -> Mistake {
        let line = 1 + self.text[..span.start.min(self.text.len())].matches('\n').count();
        Mistake(format!("{}:{line}: field `{field}`: {why}", self.name))
    }

    /// The bytes of a field in hex.
    pub(crate) fn bytes(&self, hex: &Spanned<String>, field: &str) -> Result<Vec<u8>, Mistake> {
        let text = hex.get_ref().as_bytes();
        let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes = match text.as_chunks::<2>() {
            (pairs, []) => pairs.iter().map(byte).collect::<Option<Vec<u8>>>(),
            _ => None,
        };
        bytes.ok_or_else(|| self.mistake(&hex.span(), field, "is hex, two digits a byte"))
    }

    /// The text before `=` on the line of an error that TOML or serde found.
    fn field_at(&self, at: usize) -> &str {
        let start = self.text[..at].rfind('\n').map_or(0, |n| n + 1);
        let line = self.text[start..].lines().next().unwrap_or("").trim();
        line.split('=').next().unwrap_or(line).trim().trim_matches(['[', ']'])
    }
}
