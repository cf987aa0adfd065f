//! An entry of the table, and the text that the kernel shows of it (bm_entry_read in fs/binfmt_misc.c). Pure.

use std::fmt;

use bstr::{BString, ByteSlice};
use serde::{Deserialize, Serialize};

use super::rule::{Magic, Rule};
use crate::text::{from_hex, lossless, maybe_lossless};

/// One entry of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The name of its file in the table's directory.
    #[serde(with = "lossless")]
    pub name: BString,
    /// Whether the kernel looks at it.
    pub enabled: bool,
    /// The program that runs the files it matches; `None` for a BPF handler.
    #[serde(with = "maybe_lossless", default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<BString>,
    /// Its flags.
    pub flags: Flags,
    /// Which files it matches.
    pub rule: Rule,
    /// Lines that this version of rbinfmt does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// The flags of an entry: capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Flags(u32);

impl Flags {
    /// Keep argv\[0\].
    pub const P: Flags = Flags::of(b'P');
    /// Pass the file open.
    pub const O: Flags = Flags::of(b'O');
    /// Credentials of the file, not of the interpreter; the kernel turns on O with it.
    pub const C: Flags = Flags::of(b'C');
    /// Open the interpreter when registering and keep it.
    pub const F: Flags = Flags::of(b'F');
    /// Transparent: arguments stay as they are (kernel 7.3).
    pub const T: Flags = Flags::of(b'T');
    /// Replaces PT_INTERP (kernel 7.3).
    pub const L: Flags = Flags::of(b'L');

    const fn of(letter: u8) -> Flags {
        Flags(1 << (letter - b'A'))
    }

    /// Both sets.
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// This set without the other.
    pub const fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }

    /// Whether all of `other` are in this set.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// The set that the kernel shows for it: C brings O.
    pub const fn as_kept(self) -> Flags {
        if self.has(Flags::C) { self.with(Flags::O) } else { self }
    }

    /// Flags from letters; `None` where one is not a capital letter.
    pub fn parse(letters: &[u8]) -> Option<Flags> {
        letters
            .iter()
            .try_fold(Flags::default(), |all, &letter| letter.is_ascii_uppercase().then(|| all.with(Flags::of(letter))))
    }
}

/// In the kernel's order, then the alphabet's.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const KERNEL_ORDER: &[u8] = b"POCFTL";
        let others = (b'A'..=b'Z').filter(|letter| !KERNEL_ORDER.contains(letter));
        let letters = KERNEL_ORDER.iter().copied().chain(others).filter(|&letter| self.has(Flags::of(letter)));
        f.write_str(&letters.map(char::from).collect::<String>())
    }
}

impl From<Flags> for String {
    fn from(flags: Flags) -> String {
        flags.to_string()
    }
}

impl TryFrom<String> for Flags {
    type Error = &'static str;
    fn try_from(letters: String) -> Result<Flags, Self::Error> {
        Flags::parse(letters.as_bytes()).ok_or("flags are capital letters")
    }
}

impl Entry {
    /// Whether it does the same as another, whatever their names.
    pub fn is_like(&self, other: &Entry) -> bool {
        self.rule.same_meaning(&other.rule) && self.interpreter == other.interpreter && self.flags == other.flags
    }

    /// Reads the text of the entry called `name`; the error says what is not as the kernel writes it.
    ///
    /// # Errors
    /// What in the text is not as the kernel writes it.
    pub fn parse(name: &[u8], text: &[u8]) -> Result<Entry, String> {
        let (state, mut rest) = line(text).ok_or("the text is empty")?;
        let enabled = match state {
            b"enabled" => true,
            b"disabled" => false,
            other => return Err(format!("the first line is {:?}, not \"enabled\" or \"disabled\"", other.as_bstr())),
        };
        let mut interpreter = None;
        let mut bpf = None;
        if let Some(handler) = rest.strip_prefix(b"bpf ") {
            let (handler, after) = line(handler).unwrap_or((handler, b""));
            (bpf, rest) = (Some(handler), after);
        } else if let Some(path) = rest.strip_prefix(b"interpreter ") {
            // A path may contain newlines, which the kernel prints as they are: it ends where the flags line begins.
            let end = flags_line(path).ok_or("there is no flags line")?;
            (interpreter, rest) = (Some(BString::from(&path[..end])), &path[end + 1..]);
        }
        let mut entry = Entry {
            name: name.into(),
            enabled,
            interpreter,
            flags: Flags::default(),
            rule: Rule::Bpf(bpf.unwrap_or_default().into()),
            unknown: Vec::new(),
        };
        entry.parse_rule(rest)?;
        match (&entry.rule, &entry.interpreter) {
            (Rule::Bpf(_), _) if bpf.is_none() => Err("there is neither a magic, an extension nor a bpf line".into()),
            (Rule::Magic(_) | Rule::Extension(_), None) => Err("there is no interpreter line".into()),
            _ => Ok(entry),
        }
    }

    /// The lines after the interpreter.
    fn parse_rule(&mut self, mut rest: &[u8]) -> Result<(), String> {
        let mut offset = 0;
        while let Some((row, after)) = line(rest) {
            let (key, value) = row.split_once_str(" ").unwrap_or((row, b""));
            match (key, &mut self.rule) {
                (b"flags:", _) => {
                    self.flags = Flags::parse(value).ok_or_else(|| format!("flags {:?}", value.as_bstr()))?;
                }
                (b"offset", _) => {
                    offset = value.to_str().ok().and_then(|n| n.parse().ok()).ok_or("the offset is not a number")?;
                }
                (b"magic", _) => self.rule = Rule::Magic(Magic::exact(offset, hex_of(value)?)),
                (b"mask", Rule::Magic(magic)) => {
                    magic.mask = hex_of(value)?;
                    if magic.mask.len() != magic.magic.len() {
                        return Err("magic and mask differ in length".into());
                    }
                }
                (b"extension", _) => {
                    // An extension too may contain newlines; nothing follows it.
                    let value = rest.strip_prefix(b"extension .").ok_or("the extension has no dot")?;
                    self.rule = Rule::Extension(value.strip_suffix(b"\n").unwrap_or(value).into());
                    return Ok(());
                }
                _ => self.unknown.push(row.to_str_lossy().into_owned()),
            }
            rest = after;
        }
        Ok(())
    }

    /// The interpreter as text for people; the handler's name where BPF decides.
    pub fn handler(&self) -> String {
        match (&self.interpreter, &self.rule) {
            (Some(path), _) => path.to_str_lossy().into_owned(),
            (None, Rule::Bpf(name)) => format!("bpf {name}"),
            (None, _) => String::new(),
        }
    }

    /// Whether the kernel gives it a file with these first bytes, executed under this path.
    pub fn takes(&self, head: &[u8], path: &[u8]) -> bool {
        self.enabled && self.rule.takes(head, path)
    }
}

fn line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    Some(text.split_once_str("\n").unwrap_or((text, b"")))
}

/// Where the interpreter ends: the last newline that a whole flags line follows, with a rule after it.
fn flags_line(path: &[u8]) -> Option<usize> {
    let candidates: Vec<usize> = path.find_iter(b"\nflags: ").collect();
    let rule_follows = |at: usize| {
        let after = line(&path[at + 1..]).map_or(&b""[..], |(_, after)| after);
        after.starts_with(b"offset ") || after.starts_with(b"extension .")
    };
    candidates.iter().rev().copied().find(|&at| rule_follows(at)).or(candidates.last().copied())
}

fn hex_of(value: &[u8]) -> Result<Vec<u8>, String> {
    value.to_str().ok().and_then(from_hex).ok_or_else(|| format!("{:?} is not hex", value.as_bstr()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<Entry, String> {
        Entry::parse(b"x", text)
    }

    #[test]
    fn a_magic_entry() {
        let entry = parse(b"enabled\ninterpreter /usr/bin/qemu-arm\nflags: POCF\noffset 4\nmagic 7f45\nmask ff0f\n");
        let rule = Rule::Magic(Magic { offset: 4, magic: vec![0x7f, 0x45], mask: vec![0xff, 0x0f] });
        let entry = entry.unwrap();
        assert_eq!(entry.rule, rule);
        assert_eq!(entry.interpreter.unwrap(), "/usr/bin/qemu-arm");
        assert_eq!(entry.flags.to_string(), "POCF");
        assert!(entry.enabled && entry.unknown.is_empty());
    }

    #[test]
    fn no_mask_line_means_every_bit() {
        let entry = parse(b"disabled\ninterpreter /x\nflags: \noffset 0\nmagic 00ff\n").unwrap();
        assert_eq!(entry.rule, Rule::Magic(Magic::exact(0, vec![0, 0xff])));
        assert!(!entry.enabled);
    }

    #[test]
    fn an_extension_entry_with_newlines_and_bytes_that_are_not_utf8() {
        let entry = parse(b"enabled\ninterpreter /a\nflags: x\n\xff\nflags: OC\nextension .ja\nr\n").unwrap();
        assert_eq!(entry.interpreter.unwrap(), &b"/a\nflags: x\n\xff"[..]);
        assert_eq!(entry.rule, Rule::Extension("ja\nr".into()));
        assert_eq!(entry.flags, Flags::O.with(Flags::C));
    }

    #[test]
    fn the_texts_of_kernel_7_3() {
        let entry = parse(b"enabled\nbpf pick\nbpf-interpreter a /usr/bin/a\nflags: FTL\n").unwrap();
        assert_eq!(entry.rule, Rule::Bpf("pick".into()));
        assert_eq!(entry.flags.to_string(), "FTL");
        assert_eq!(entry.unknown, ["bpf-interpreter a /usr/bin/a"]);
        assert_eq!(entry.handler(), "bpf pick");
    }

    #[test]
    fn unknown_lines_and_flags_are_kept() {
        let entry = parse(b"enabled\ninterpreter /x\nflags: PZ\nweight 7\noffset 0\nmagic aa\nfuture\n").unwrap();
        assert_eq!(entry.flags.to_string(), "PZ");
        assert_eq!(entry.unknown, ["weight 7", "future"]);
    }

    #[test]
    fn what_the_kernel_never_writes_is_an_error() {
        for text in [
            &b""[..],
            b"on\n",
            b"enabled\n",
            b"enabled\ninterpreter /x\n",
            b"enabled\ninterpreter /x\nflags: \noffset x\nmagic 00\n",
            b"enabled\ninterpreter /x\nflags: \noffset 0\nmagic 0\n",
            b"enabled\ninterpreter /x\nflags: \noffset 0\nmagic 00\nmask 0000\n",
            b"enabled\nflags: \noffset 0\nmagic 00\n",
            b"enabled\ninterpreter /x\nflags: p\noffset 0\nmagic 00\n",
        ] {
            assert!(parse(text).is_err(), "{:?}", text.as_bstr());
        }
    }

    #[test]
    fn json_loses_nothing() {
        let entry = parse(b"enabled\ninterpreter /\xff\\\nflags: OCF\noffset 1\nmagic 7f\n").unwrap();
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry);
    }
}
