//! What a file is that no loader accepts. Pure, over its first bytes.

use crate::doctor::catalogue::CauseId;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// The cause that it is.
    pub(super) cause: CauseId,
    /// In words: "a gzip archive".
    pub(super) what: String,
    /// What makes a program of it.
    pub(super) command: Option<&'static str>,
}

/// A format, by bytes at a place.
struct Format {
    name: &'static str,
    at: usize,
    magic: &'static [u8],
    mask: &'static [u8],
    cause: CauseId,
    command: Option<&'static str>,
}

/// A kind of text, by how it begins.
struct Text {
    name: &'static str,
    begins: &'static str,
    cause: CauseId,
}

// FORMATS and TEXTS.
include!(concat!(env!("OUT_DIR"), "/formats.rs"));

impl Format {
    fn is_of(&self, head: &[u8]) -> bool {
        let bytes = head.get(self.at..self.at + self.magic.len());
        let same = |((byte, magic), mask): ((&u8, &u8), &u8)| byte & mask == magic & mask;
        bytes.is_some_and(|bytes| bytes.iter().zip(self.magic).zip(self.mask).all(same))
    }
}

/// How much of a file is looked at.
pub(super) const PREFIX: usize = 4096;

/// Says what a file is that begins with `head` and is `len` bytes long; `None` for what is not known.
pub(super) fn of(head: &[u8], len: u64) -> Option<Content> {
    let content = |cause, what: &str| Some(Content { cause, what: what.into(), command: None });
    if len == 0 {
        return content(CauseId::EmptyOrZeroFile, "empty");
    }
    if head.iter().all(|&b| b == 0) {
        return content(CauseId::EmptyOrZeroFile, "nothing but zero bytes at its beginning");
    }
    if let Some(format) = FORMATS.iter().find(|format| format.is_of(head)) {
        return Some(Content { cause: format.cause, what: format.name.into(), command: format.command });
    }
    let text = as_text(head)?;
    let start = text.trim_start().to_ascii_lowercase();
    if let Some(known) = TEXTS.iter().find(|t| start.starts_with(t.begins)) {
        return content(known.cause, known.name);
    }
    content(CauseId::MissingShebang, &without_shebang(text))
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

    fn cause(head: &[u8]) -> Option<CauseId> {
        of(head, head.len() as u64).map(|c| c.cause)
    }

    #[test]
    fn contents_and_their_causes() {
        for (head, wanted) in [
            (&b""[..], Some(CauseId::EmptyOrZeroFile)),
            (&[0; 64], Some(CauseId::EmptyOrZeroFile)),
            (b"\x1f\x8b\x08\0", Some(CauseId::ArchiveNotExtracted)),
            (b"!<arch>\ndebian-binary   ", Some(CauseId::ArchiveNotExtracted)),
            (b"!<arch>\n__.PKGDEF       ", Some(CauseId::GoArchiveNotMain)),
            (b"!<arch>\nx.o/            ", Some(CauseId::ObjectOrCoreOrLib)),
            (b"MZ\x90\0", Some(CauseId::WrongOsBinary)),
            (b"MZqFpD='\n", Some(CauseId::ApeMzClash)),
            (b"\xca\xfe\xba\xbe\0\0\0\x02", Some(CauseId::WrongOsBinary)),
            (b"\xca\xfe\xba\xbe\0\0\0\x34", Some(CauseId::NotAProgram)),
            (b"\xcf\xfa\xed\xfe\x0c\0\0\x01", Some(CauseId::WrongOsBinary)),
            (b"version https://git-lfs.github.com/spec/v1\n", Some(CauseId::GitLfsPointer)),
            (b"\n <!DOCTYPE html>\n", Some(CauseId::NotABinaryDownload)),
            (b"Not Found", Some(CauseId::NotABinaryDownload)),
            (b"\xef\xbb\xbf#!/bin/sh\n", Some(CauseId::BomBeforeShebang)),
            (b"\xff\xfe#\0!\0", Some(CauseId::BomBeforeShebang)),
            (b"echo hello\n", Some(CauseId::MissingShebang)),
            (b"\0asm\x01\0\0\0", Some(CauseId::WasmInRunc)),
            (b"\x80\x81\x82\x83", None),
        ] {
            assert_eq!(cause(head), wanted, "{head:?}");
        }
        let tar = [vec![b'a'; 257], b"ustar".to_vec()].concat();
        assert_eq!(cause(&tar), Some(CauseId::ArchiveNotExtracted));
    }

    #[test]
    fn how_a_shebang_is_lacking() {
        assert!(without_shebang("\n#!/bin/sh\n").contains("line 2"));
        assert!(without_shebang(" #!/bin/sh\n").contains("blanks"));
        assert!(without_shebang("# !/bin/sh\n").contains("instead of"));
    }
}
