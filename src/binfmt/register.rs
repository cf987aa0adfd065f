//! The string that makes an entry: writing it, and judging it as the kernel would, which answers EINVAL to every
//! mistake and never says which (create_entry and check_special_flags in fs/binfmt_misc.c). Pure.

use std::fmt;

use bstr::{BString, ByteSlice};

use super::entry::{Entry, Flags};
use super::rule::{Magic, Rule};
use crate::kernel::Kernel;

/// A field of a register string, and why the kernel would refuse it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct Mistake {
    /// The field.
    pub field: Field,
    /// What is wrong with it.
    pub why: String,
}

/// The parts of a register string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The string as a whole: its length, its separators.
    String,
    /// The entry's name.
    Name,
    /// M, E, and from 7.3 on B.
    Type,
    /// Where the magic stands.
    Offset,
    /// The bytes wanted.
    Magic,
    /// The bits of them that count.
    Mask,
    /// The extension (in the magic's place).
    Extension,
    /// The program that runs the files.
    Interpreter,
    /// The flags.
    Flags,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::String => "register string",
            Field::Name => "name",
            Field::Type => "type",
            Field::Offset => "offset",
            Field::Magic => "magic",
            Field::Mask => "mask",
            Field::Extension => "extension",
            Field::Interpreter => "interpreter",
            Field::Flags => "flags",
        })
    }
}

fn mistake<T>(field: Field, why: impl fmt::Display) -> Result<T, Mistake> {
    Err(Mistake { field, why: why.to_string() })
}

/// The string that registers `entry`, checked against what `kernel` accepts.
///
/// # Errors
/// The first field that `kernel` would refuse, and why.
pub fn compose(entry: &Entry, kernel: &Kernel) -> Result<Vec<u8>, Mistake> {
    let (kind, offset, first, second) = match &entry.rule {
        Rule::Magic(m) if m.magic.len() != m.mask.len() => {
            return mistake(Field::Mask, format!("{} bytes, the magic has {}", m.mask.len(), m.magic.len()));
        }
        Rule::Magic(m) => (b'M', m.offset.to_string(), m.magic.clone(), m.mask.clone()),
        Rule::Extension(extension) => (b'E', String::new(), extension.to_vec(), Vec::new()),
        Rule::Bpf(_) => return mistake(Field::Type, "entries with a BPF program are not made here"),
    };
    let interpreter = entry.interpreter.as_deref().map_or(&b""[..], |i| i);
    let Some(separator) = separator([&entry.name, interpreter, if kind == b'E' { &first } else { b"" }]) else {
        return mistake(Field::String, "its names use every byte that could separate the fields");
    };
    let written = |compact: bool| {
        let bytes = |bytes: &[u8]| if kind == b'M' { escape(bytes, separator, compact) } else { bytes.to_vec() };
        let flags = entry.flags.to_string();
        let fields: [&[u8]; 7] =
            [&entry.name, &[kind], offset.as_bytes(), &bytes(&first), &bytes(&second), interpreter, flags.as_bytes()];
        fields.iter().fold(Vec::new(), |mut string, field| {
            string.push(separator);
            string.extend_from_slice(field);
            string
        })
    };
    let mut string = written(false);
    if string.len() > kernel.register_max() {
        string = written(true);
    }
    judge(&string, kernel)?;
    Ok(string)
}

/// A byte that is in none of the fields and is not a flag.
fn separator(fields: [&[u8]; 3]) -> Option<u8> {
    let free = |b: &u8| *b != b'\n' && !fields.iter().any(|field| field.contains(b));
    b":|,;!@#%^&+=~".iter().copied().chain(1..=b'/').chain(0x80..=0xff).find(free)
}

/// Magic and mask with `\xNN`, the only escape that the kernel knows; `compact` leaves bytes raw that may be.
fn escape(bytes: &[u8], separator: u8, compact: bool) -> Vec<u8> {
    bytes.iter().fold(Vec::new(), |mut text, &byte| {
        let raw = compact && byte > b' ' && byte != 0x7f && byte != b'\\' && byte != separator;
        if raw {
            text.push(byte)
        } else {
            text.extend_from_slice(format!("\\x{byte:02x}").as_bytes())
        }
        text
    })
}

/// The entry that `kernel` would make of a register string, or the field for which it would answer EINVAL
/// (ENAMETOOLONG for a long name, EEXIST for a name that is taken).
///
/// # Errors
/// That field, and why it would be refused.
pub fn judge(string: &[u8], kernel: &Kernel) -> Result<Entry, Mistake> {
    let max = kernel.register_max();
    if !(11..=max).contains(&string.len()) {
        return mistake(Field::String, format!("{} bytes long, this kernel accepts 11 to {max}", string.len()));
    }
    let separator = string[0];
    if kernel.flag_letters().contains(&separator) {
        return mistake(Field::String, format!("starts with {:?}, which is a flag", separator as char));
    }
    let mut fields = Fields { rest: &string[1..], separator };

    let name = fields.next(Field::Name)?;
    judge_name(name)?;
    let kind = match fields.rest {
        [kind @ (b'M' | b'E'), after, ..] if *after == separator => {
            let kind = *kind;
            fields.rest = &fields.rest[2..];
            kind
        }
        _ => return mistake(Field::Type, "is not M or E"),
    };
    let offset = fields.next(Field::Offset)?;
    let rule = if kind == b'M' { fields.magic(offset, kernel.window())? } else { fields.extension()? };
    let interpreter = fields.next(Field::Interpreter)?;
    if interpreter.is_empty() {
        return mistake(Field::Interpreter, "is missing");
    }
    let flags = judge_flags(fields.rest, separator, kernel)?;
    Ok(Entry {
        name: name.into(),
        enabled: true,
        interpreter: Some(BString::from(interpreter)),
        flags,
        rule,
        unknown: Vec::new(),
    })
}

fn judge_name(name: &[u8]) -> Result<(), Mistake> {
    match name {
        b"" => mistake(Field::Name, "is empty"),
        b"." | b".." => mistake(Field::Name, "is a directory"),
        b"status" | b"register" => mistake(Field::Name, "is the name of a control file of the table"),
        name if name.contains(&b'/') => mistake(Field::Name, "contains a slash"),
        name if name.len() > 255 => mistake(Field::Name, format!("{} bytes long, 255 is the most", name.len())),
        _ => Ok(()),
    }
}

/// Letters, then padding: the kernel appends eight separators and reads flags until the first byte that is none.
fn judge_flags(field: &[u8], separator: u8, kernel: &Kernel) -> Result<Flags, Mistake> {
    let letters = kernel.flag_letters();
    let end = field.iter().position(|b| !letters.contains(b)).unwrap_or(field.len());
    let flags = Flags::parse(&field[..end]).unwrap_or_default();
    let rest = &field[end..];
    // One newline may follow. Where newlines separate the fields the first of the padding is taken for it, and then
    // the string does not end where it should.
    let newline_missing = separator == b'\n' && rest.is_empty();
    match rest.strip_prefix(b"\n").unwrap_or(rest) {
        b"" if newline_missing => mistake(Field::Flags, "need a newline after them if newlines separate the fields"),
        b"" => Ok(flags.as_kept()),
        [letter, ..] if *letter != separator => {
            mistake(Field::Flags, format!("{:?} is not one of {}", *letter as char, letters.as_bstr()))
        }
        _ => mistake(Field::Flags, "something follows them"),
    }
}

struct Fields<'a> {
    rest: &'a [u8],
    separator: u8,
}

impl<'a> Fields<'a> {
    /// Up to the next separator. The kernel scans with strchr, which a NUL byte ends.
    fn next(&mut self, field: Field) -> Result<&'a [u8], Mistake> {
        let end = self.rest.iter().position(|&b| b == self.separator || b == 0);
        match end {
            Some(end) if self.rest[end] == self.separator => {
                let value = &self.rest[..end];
                self.rest = &self.rest[end + 1..];
                Ok(value)
            }
            Some(_) => mistake(field, "contains a NUL byte"),
            None => mistake(field, "has no separator after it"),
        }
    }

    fn magic(&mut self, offset: &[u8], window: usize) -> Result<Rule, Mistake> {
        let Some(offset) = judge_offset(offset) else {
            return mistake(Field::Offset, format!("{:?} is not a decimal number of 0 or more", offset.as_bstr()));
        };
        let magic = unescape(self.scan(Field::Magic)?);
        if magic.is_empty() {
            return mistake(Field::Magic, "is empty");
        }
        let mask = unescape(self.scan(Field::Mask)?);
        let mask = if mask.is_empty() { vec![0xff; magic.len()] } else { mask };
        if mask.len() != magic.len() {
            return mistake(Field::Mask, format!("{} bytes, the magic has {}", mask.len(), magic.len()));
        }
        match offset.checked_add(magic.len()) {
            Some(end) if end <= window => Ok(Rule::Magic(Magic { offset, magic, mask })),
            _ => mistake(Field::Offset, format!("the rule ends after byte {window}, the last that this kernel reads")),
        }
    }

    fn extension(&mut self) -> Result<Rule, Mistake> {
        let extension = self.next(Field::Extension)?;
        if extension.is_empty() {
            return mistake(Field::Extension, "is empty");
        }
        if extension.contains(&b'/') {
            return mistake(Field::Extension, "contains a slash");
        }
        self.next(Field::Mask)?;
        Ok(Rule::Extension(extension.into()))
    }

    /// Like `next`, but over escapes, as scanarg does: `\x` wants two hex digits, and a NUL byte may be in it.
    fn scan(&mut self, field: Field) -> Result<&'a [u8], Mistake> {
        let mut at = 0;
        loop {
            match self.rest.get(at..) {
                Some([b, ..]) if *b == self.separator => break,
                // The byte after the backslash is looked at only here, so that `\:` still ends the field.
                Some([b'\\', b'x', digits @ ..]) => match digits {
                    [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => at += 4,
                    _ => return mistake(field, "\\x wants two hex digits"),
                },
                Some([_, ..]) => at += 1,
                _ => return mistake(field, "has no separator after it"),
            }
        }
        let value = &self.rest[..at];
        self.rest = &self.rest[at + 1..];
        Ok(value)
    }
}

/// `[+-]?digits\n?`, 0 to 2^31 - 1 (kstrtoint, base 10); empty is 0.
fn judge_offset(field: &[u8]) -> Option<usize> {
    if field.is_empty() {
        return Some(0);
    }
    let digits = field.strip_suffix(b"\n").unwrap_or(field);
    let (negative, digits) = match digits {
        [b'+', digits @ ..] => (false, digits),
        [b'-', digits @ ..] => (true, digits),
        _ => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = digits.to_str().ok()?.parse().ok()?;
    (number <= i32::MAX as u64 && (!negative || number == 0)).then_some(number as usize)
}

/// Only `\xNN` is an escape, any other backslash keeps the byte after it (string_unescape with UNESCAPE_HEX);
/// a raw NUL byte ends the value.
fn unescape(mut field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some((&first, rest)) = field.split_first() {
        field = match (first, rest) {
            (0, _) => break,
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digit = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
                bytes.push(digit(*high) << 4 | digit(*low));
                after
            }
            (b'\\', [next, after @ ..]) if *next != 0 => {
                bytes.extend([b'\\', *next]);
                after
            }
            _ => {
                bytes.push(first);
                rest
            }
        };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel() -> Kernel {
        Kernel { release: "6.18.44".into(), machine: "x86_64".into() }
    }

    fn refused(string: &[u8]) -> Field {
        judge(string, &kernel()).unwrap_err().field
    }

    #[test]
    fn what_is_composed_is_read_back() {
        let entry = Entry {
            name: "qemu-arm".into(),
            enabled: true,
            interpreter: Some("/a:b|c".into()),
            flags: Flags::parse(b"POCF").unwrap(),
            rule: Rule::Magic(Magic { offset: 3, magic: vec![0, b':', b'\\', 0xff], mask: vec![0xff, 0, 1, 2] }),
            unknown: Vec::new(),
        };
        let string = compose(&entry, &kernel()).unwrap();
        assert_eq!(string[0], b',');
        assert_eq!(judge(&string, &kernel()).unwrap(), entry);
        let old = Kernel { release: "3.10.0".into(), ..kernel() };
        assert_eq!(compose(&entry, &old).unwrap_err().field, Field::Flags);
    }

    #[test]
    fn a_rule_too_long_for_an_old_kernel_is_written_compactly() {
        let magic = Magic { offset: 0, magic: vec![b'A'; 50], mask: vec![0xf0; 50] };
        let entry = Entry {
            name: "x".into(),
            enabled: true,
            interpreter: Some("/x".into()),
            flags: Flags::default(),
            rule: Rule::Magic(magic),
            unknown: Vec::new(),
        };
        let old = Kernel { release: "3.10.0-1160.el7.x86_64".into(), ..kernel() };
        let string = compose(&entry, &old).unwrap();
        assert!(string.len() < 256);
        assert_eq!(judge(&string, &old).unwrap(), entry);
    }

    #[test]
    fn every_mistake_names_its_field() {
        for (string, field) in [
            (&b":a:M::x:"[..], Field::String),
            (b"P:a:M::x::/bin/true:", Field::String),
            (b"::M::magic::/bin/true:", Field::Name),
            (b":a/b:M::magic::/bin/true:", Field::Name),
            (b":..:M::magic::/bin/true:", Field::Name),
            (b":status:M::magic::/bin/true:", Field::Name),
            (b"a:M::magic::/bin/true:", Field::Type),
            (b":a:X::magic::/bin/true:", Field::Type),
            (b":a:M:0x1:magic::/bin/true:", Field::Offset),
            (b":a:M:-1:magic::/bin/true:", Field::Offset),
            (b":a:M:252:magic::/bin/true:", Field::Offset),
            (b":a:M::::/bin/true:", Field::Magic),
            (b":a:M::\\xg0::/bin/true:", Field::Magic),
            (b":a:M::magic:\\xff:/bin/true:", Field::Mask),
            (b":a:E::::/bin/true:", Field::Extension),
            (b":a:E::x/y::/bin/true:", Field::Extension),
            (b":a:M::magic:::", Field::Interpreter),
            (b":a:M::magic::/bin/true", Field::Interpreter),
            (b":a:M::magic::/bin/true:X", Field::Flags),
            (b":a:M::magic::/bin/true:F:", Field::Flags),
        ] {
            assert_eq!(refused(string), field, "{:?}", string.as_bstr());
        }
        assert_eq!(refused(&[b":".as_slice(), &[b'a'; 256], b":M::magic::/bin/true:"].concat()), Field::Name);
    }

    #[test]
    fn what_the_kernel_takes_is_taken() {
        let offset = judge(b":a:M:010:magic::/x:CFP\n", &kernel()).unwrap();
        assert_eq!(offset.flags.to_string(), "POCF");
        assert!(matches!(offset.rule, Rule::Magic(Magic { offset: 10, .. })));
        let literal = judge(b":a:M::\\n\\\\x41::/x:", &kernel()).unwrap();
        assert_eq!(literal.rule, Rule::Magic(Magic::exact(0, b"\\n\\\\x41".to_vec())));
        assert!(judge(b"\na\nM\n\nAB\n\n/x\nP\n", &kernel()).is_ok());
        assert_eq!(refused(b"\na\nM\n\nAB\n\n/x\nP"), Field::Flags);
    }
}
