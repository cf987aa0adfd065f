//! What a file is that no loader takes. Pure, over its first bytes.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::binfmt::rule::Magic;
use crate::text::hex;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// The cause that it is.
    pub(super) cause: &'static str,
    /// In words: "a gzip archive".
    pub(super) what: String,
    /// What makes a program of it.
    pub(super) command: Option<&'static str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Formats {
    format: Vec<Format>,
    text: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Format {
    name: String,
    #[serde(default)]
    at: usize,
    #[serde(with = "hex")]
    magic: Vec<u8>,
    #[serde(default, with = "hex")]
    mask: Vec<u8>,
    cause: String,
    command: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    name: String,
    begins: String,
    cause: String,
}

static FORMATS: LazyLock<Formats> = LazyLock::new(|| {
    let none = Formats { format: Vec::new(), text: Vec::new() };
    toml::from_str(include_str!("formats.toml")).unwrap_or(none)
});

/// How much of a file is looked at.
pub(super) const PREFIX: usize = 4096;

/// Says what a file is that begins with `head` and is `len` bytes long; `None` for what is not known.
pub(super) fn of(head: &[u8], len: u64) -> Option<Content> {
    let content = |cause, what: &str| Some(Content { cause, what: what.into(), command: None });
    if len == 0 {
        return content("empty-or-zero-file", "empty");
    }
    if head.iter().all(|&b| b == 0) {
        return content("empty-or-zero-file", "nothing but zero bytes at its beginning");
    }
    let fits = |f: &&Format| {
        let mask = if f.mask.is_empty() { vec![0xff; f.magic.len()] } else { f.mask.clone() };
        head.len() >= f.at + f.magic.len()
            && Magic { offset: f.at, magic: f.magic.clone(), mask }.refuses(head).is_none()
    };
    if let Some(format) = FORMATS.format.iter().find(fits) {
        let command = format.command.as_deref();
        return Some(Content { cause: &format.cause, what: format.name.clone(), command });
    }
    let text = as_text(head)?;
    let start = text.trim_start().to_ascii_lowercase();
    if let Some(known) = FORMATS.text.iter().find(|t| start.starts_with(&t.begins)) {
        return Some(Content { cause: &known.cause, what: known.name.clone(), command: None });
    }
    content("missing-shebang", &without_shebang(text))
}

/// The whole characters of a text; `None` where it is none.
fn as_text(head: &[u8]) -> Option<&str> {
    let text = match str::from_utf8(head) {
        Ok(text) => text,
        // A character that is cut off by our own bound.
        Err(error) if error.error_len().is_none() => str::from_utf8(&head[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let odd = |c: char| c.is_control() && !c.is_ascii_whitespace() && c != '\x1b';
    (!text.contains(odd)).then_some(text)
}

/// How a script lacks its `#!`.
fn without_shebang(text: &str) -> String {
    const LINES: usize = 20;
    let first = text.lines().next().unwrap_or_default();
    let typo = ["# !", "!#", "#/", "# /"].into_iter().find(|typo| first.starts_with(typo));
    let later = text.lines().take(LINES).position(|line| line.starts_with("#!"));
    match (typo, later) {
        _ if first.trim_start().starts_with("#!") => "a script with blanks before its #!".into(),
        (_, Some(line)) => format!("a script with its #! on line {}, and only line 1 counts", line + 1),
        (Some(typo), None) => format!("a script that begins with {typo:?} instead of \"#!\""),
        _ => "a text without a #! line".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::catalogue::CATALOGUE;

    fn cause(head: &[u8]) -> &'static str {
        of(head, head.len() as u64).map_or("unknown", |c| c.cause)
    }

    #[test]
    fn contents_and_their_causes() {
        for (head, wanted) in [
            (&b""[..], "empty-or-zero-file"),
            (&[0; 64], "empty-or-zero-file"),
            (b"\x1f\x8b\x08\0", "archive-not-extracted"),
            (b"!<arch>\ndebian-binary   ", "archive-not-extracted"),
            (b"!<arch>\n__.PKGDEF       ", "go-archive-not-main"),
            (b"!<arch>\nx.o/            ", "object-or-core-or-lib"),
            (b"MZ\x90\0", "wrong-os-binary"),
            (b"MZqFpD='\n", "ape-mz-clash"),
            (b"\xca\xfe\xba\xbe\0\0\0\x02", "wrong-os-binary"),
            (b"\xca\xfe\xba\xbe\0\0\0\x34", "not-a-program"),
            (b"\xcf\xfa\xed\xfe\x0c\0\0\x01", "wrong-os-binary"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs-pointer"),
            (b"\n <!DOCTYPE html>\n", "not-a-binary-download"),
            (b"Not Found", "not-a-binary-download"),
            (b"\xef\xbb\xbf#!/bin/sh\n", "bom-before-shebang"),
            (b"\xff\xfe#\0!\0", "bom-before-shebang"),
            (b"echo hello\n", "missing-shebang"),
            (b"\0asm\x01\0\0\0", "wasm-in-runc"),
            (b"\x80\x81\x82\x83", "unknown"),
        ] {
            assert_eq!(cause(head), wanted, "{head:?}");
        }
        let tar = [vec![b'a'; 257], b"ustar".to_vec()].concat();
        assert_eq!(cause(&tar), "archive-not-extracted");
    }

    #[test]
    fn every_cause_stands_in_the_catalogue() {
        let causes = FORMATS.format.iter().map(|f| &f.cause).chain(FORMATS.text.iter().map(|t| &t.cause));
        let missing: Vec<&String> = causes.filter(|id| CATALOGUE.get(id).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn how_a_shebang_is_lacking() {
        assert!(without_shebang("\n#!/bin/sh\n").contains("line 2"));
        assert!(without_shebang(" #!/bin/sh\n").contains("blanks"));
        assert!(without_shebang("# !/bin/sh\n").contains("instead of"));
    }
}
