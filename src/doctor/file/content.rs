//! What a file is that no loader accepts. Pure, over its name, its first bytes and its size.

use super::packed::{self, Container};
use super::{command, pe, text};
use crate::built_in::{List, Text};
use crate::doctor::catalogue::{Advice, CauseId};
use crate::doctor::finding::quoted;

/// What is known of a file.
pub(super) struct Sample<'a> {
    /// Its path.
    pub(super) path: &'a str,
    /// Its first bytes, [`PREFIX`] of them where it has so many.
    pub(super) head: &'a [u8],
    /// Its size.
    pub(super) len: u64,
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// The cause that it is.
    pub(super) cause: CauseId,
    /// In words: "a gzip file".
    pub(super) what: String,
    /// What to do about it, each with its command.
    pub(super) advice: Vec<(Advice, Option<String>)>,
}

/// What a row of formats.toml says.
#[derive(Debug)]
pub(super) struct What {
    pub(super) name: Text,
    pub(super) cause: CauseId,
    advice: Option<Advice>,
    command: Option<Text>,
    profile: Option<Text>,
}

/// A format, by bytes at a place.
struct Format {
    at: usize,
    magic: List<u8>,
    mask: List<u8>,
    what: What,
}

/// An archive with a meaning.
struct Archive {
    of: Container,
    holds: List<Text>,
    extensions: List<Text>,
    what: What,
}

/// A kind of text.
pub(super) struct TextKind {
    pub(super) begins: List<Text>,
    pub(super) extensions: List<Text>,
    pub(super) named: List<Text>,
    pub(super) interpreter: Option<Text>,
    pub(super) what: What,
}

// FORMATS, ARCHIVES and TEXTS.
include!(concat!(env!("OUT_DIR"), "/formats.rs"));

/// The kinds of text.
pub(super) fn texts() -> &'static [TextKind] {
    TEXTS
}

/// What is said is to be done with them, as templates.
pub(super) fn commands() -> impl Iterator<Item = &'static str> {
    let formats = FORMATS.iter().map(|format| &format.what);
    let all = formats.chain(ARCHIVES.iter().map(|archive| &archive.what)).chain(TEXTS.iter().map(|text| &text.what));
    all.filter_map(|what| what.command.map(Text::as_str))
}

/// How much of a file is looked at: the first block of compressed data, and the furthest mark of a file system.
pub(super) const PREFIX: usize = 256 << 10;

/// Says what a file is; `None` for what is not known.
pub(super) fn of(sample: &Sample) -> Option<Content> {
    let Sample { head, len, .. } = *sample;
    let empty = |what: &str| Some(Content { cause: CauseId::EmptyOrZeroFile, what: what.into(), advice: Vec::new() });
    if len == 0 {
        return empty("empty");
    }
    let is_disk = || FORMATS.iter().any(|format| format.is_of(head));
    if head.iter().take(4096).all(|&b| b == 0) && !is_disk() {
        return empty("nothing but zero bytes at its beginning");
    }
    if let Some(container) = packed::look(sample) {
        return Some(container);
    }
    if let Some(program) = pe::of(sample) {
        return Some(program);
    }
    match FORMATS.iter().find(|format| format.is_of(head)) {
        Some(format) => Some(format.what.content(sample)),
        None => text::of(sample),
    }
}

/// The archive with a meaning that holds these members.
pub(super) fn archive(of: Container, members: &[String], sample: &Sample) -> Option<Content> {
    let has =
        |name: &Text| members.iter().any(|m| **name == **m || (name.ends_with('/') && m.starts_with(name.as_str())));
    let row = ARCHIVES.iter().find(|row| {
        row.of == of
            && (row.holds.is_empty() || row.holds.iter().any(&has))
            && (row.extensions.is_empty() || row.extensions.iter().any(|extension| **extension == *sample.extension()))
    })?;
    Some(row.what.content(sample))
}

impl Format {
    fn is_of(&self, head: &[u8]) -> bool {
        let bytes = head.get(self.at..self.at + self.magic.len());
        let same = |((byte, magic), mask): ((&u8, &u8), &u8)| byte & mask == magic & mask;
        bytes.is_some_and(|bytes| bytes.iter().zip(&*self.magic).zip(&*self.mask).all(same))
    }
}

impl What {
    /// It is that.
    pub(super) fn content(&self, sample: &Sample) -> Content {
        let mut content = Content { cause: self.cause, what: self.name.as_str().into(), advice: Vec::new() };
        if let Some(advice) = self.advice {
            content.advice.push((advice, self.command.map(|command| sample.fill(&command))));
        }
        if let Some(profile) = self.profile {
            content.advice.push((
                Advice::RunWithProfile,
                Some(command::fill(command::REGISTER_PROFILE, &[("profile", &profile)])),
            ));
        }
        content
    }
}

impl Sample<'_> {
    /// The part after the last dot of its name, in lower case; empty where there is none.
    pub(super) fn extension(&self) -> String {
        self.name().rsplit_once('.').map_or(String::new(), |(_, extension)| extension.to_ascii_lowercase())
    }

    /// Its name without the directory.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Its path without the last extension; of a name that has none, with one of ours.
    fn stem(&self) -> String {
        match self.name().rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => self.path[..self.path.len() - self.extension().len() - 1].to_owned(),
            _ => format!("{}.out", self.path),
        }
    }

    /// A command of formats.toml with the names in it.
    pub(super) fn fill(&self, command: &str) -> String {
        let name = self.name().rsplit_once('.').map_or(self.name(), |(stem, _)| stem);
        let directory = self.path.rsplit_once('/').map_or(".", |(d, _)| if d.is_empty() { "/" } else { d });
        let local = if self.path.contains('/') { self.path.to_owned() } else { format!("./{}", self.path) };
        let values =
            [("path", self.path), ("stem", &self.stem()), ("name", name), ("directory", directory), ("local", &local)];
        let values = values.map(|(name, value)| (name, quoted(value)));
        command::fill(command, &values.each_ref().map(|(name, value)| (*name, value.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(path: &str, head: &[u8]) -> Option<Content> {
        of(&Sample { path, head, len: head.len() as u64 })
    }

    fn cause(head: &[u8]) -> Option<CauseId> {
        what("file", head).map(|c| c.cause)
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
    fn names_in_commands() {
        let sample = |path| Sample { path, head: b"", len: 0 };
        assert_eq!(sample("a b/x.c").fill("cc -o {stem} {path}"), "cc -o 'a b/x' 'a b/x.c'");
        assert_eq!(sample("x").fill("{local} {stem} {name} {directory} {other}"), "./x x.out x . {other}");
        assert_eq!(sample("/Main.class").fill("java -cp {directory} {name}"), "java -cp / Main");
    }
}
