//! One TOML file of profiles. Every error names file, line and field.

use std::collections::HashSet;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::{Kind, ProbeCode, Profile};
use crate::binfmt::entry::{Entry, Flags};
use crate::binfmt::register::{self, Field, Mistake};
use crate::binfmt::rule::{Magic, Rule, WINDOW};
use crate::elf::{Class, Data};
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::oci::Platform;
use crate::signature::{FlagBits, Signature, Types};
use crate::text::from_hex;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    profile: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: Spanned<String>,
    #[serde(default)]
    platforms: Vec<Spanned<String>>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    native_on: Vec<String>,
    elf: Option<Spanned<Elf>>,
    magic: Option<Spanned<Bytes>>,
    extension: Option<Spanned<String>>,
    emulator: Option<Spanned<String>>,
    interpreter: Option<Spanned<String>>,
    flags: Option<Spanned<String>>,
    probe: Option<Spanned<Probe>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Elf {
    class: Class,
    data: Data,
    machine: Spanned<Vec<u16>>,
    types: Option<Spanned<Vec<String>>>,
    flags: Option<FlagBits>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bytes {
    #[serde(default)]
    offset: Option<Spanned<usize>>,
    bytes: Spanned<String>,
    mask: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Probe {
    #[serde(default)]
    flags: u32,
    code: Spanned<String>,
}

/// A file being read, for its errors.
struct Source<'a> {
    name: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn wrong<T>(&self, span: Range<usize>, field: &str, why: impl std::fmt::Display) -> Result<T> {
        let line = 1 + self.text.as_bytes()[..span.start.min(self.text.len())].iter().filter(|&&b| b == b'\n').count();
        Err(Error::usage(format!("{}:{line}: field `{field}`", self.name), why)
            .help("docs/profiles.md describes what a profile can contain; nothing was changed"))
    }

    /// The text before `=` on the line of an error that TOML or serde found.
    fn field_at(&self, at: usize) -> &str {
        let at = at.min(self.text.len());
        let start = self.text[..at].rfind('\n').map_or(0, |n| n + 1);
        let line = self.text[start..].lines().next().unwrap_or("").trim();
        line.split('=').next().unwrap_or(line).trim().trim_matches(['[', ']'])
    }
}

/// The profiles of a file's text; `name` is for the errors.
///
/// # Errors
/// A mistake in the text, with its line and field.
pub fn parse(name: &str, text: &str) -> Result<Vec<Profile>> {
    let source = Source { name, text };
    let table: Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            return source.wrong(span.clone(), source.field_at(span.start), error.message());
        }
    };
    let mut seen = HashSet::new();
    table
        .profile
        .into_iter()
        .map(|row| {
            if !seen.insert(row.name.get_ref().clone()) {
                return source.wrong(
                    row.name.span(),
                    "name",
                    format!("{:?} is twice in this file", row.name.get_ref()),
                );
            }
            profile(&source, row)
        })
        .collect()
}

fn profile(source: &Source, row: Row) -> Result<Profile> {
    let platforms = row.platforms.iter().map(|written| platform(source, written)).collect::<Result<_>>()?;
    let kind = match (&row.elf, &row.magic, &row.extension) {
        (Some(elf), None, None) => emulated(source, &row, elf)?,
        (None, Some(magic), None) => {
            let rule = Rule::Magic(raw_magic(source, magic.get_ref())?);
            other(source, &row, rule, magic.span())?
        }
        (None, None, Some(extension)) => {
            let rule = Rule::Extension(extension.get_ref().as_str().into());
            other(source, &row, rule, extension.span())?
        }
        _ => return source.wrong(row.name.span(), "name", "a profile has one of `elf`, `magic` and `extension`"),
    };
    let profile = Profile {
        name: row.name.get_ref().clone(),
        platforms,
        aliases: row.aliases.clone(),
        native_on: row.native_on.clone(),
        rules: Profile::rules_of(row.name.get_ref(), &kind),
        kind,
    };
    judged(source, &row, profile)
}

/// A platform in its normal form, by which images are compared with it.
fn platform(source: &Source, written: &Spanned<String>) -> Result<String> {
    match Platform::parse(written.get_ref()) {
        Ok(platform) if written.get_ref().contains('/') => Ok(platform.to_string()),
        _ => source.wrong(written.span(), "platforms", "a platform is OS/ARCH or OS/ARCH/VARIANT: \"linux/arm64\""),
    }
}

fn emulated(source: &Source, row: &Row, elf: &Spanned<Elf>) -> Result<Kind> {
    for (field, present) in [("interpreter", &row.interpreter), ("flags", &row.flags)] {
        if let Some(present) = present {
            let why = "goes with `magic` or `extension`; a profile with `elf` has an `emulator`";
            return source.wrong(present.span(), field, why);
        }
    }
    let emulator = match &row.emulator {
        Some(name) if name.get_ref().is_empty() || name.get_ref().contains('/') => {
            return source.wrong(name.span(), "emulator", "is the name of a file, without a directory");
        }
        Some(name) => name.get_ref().clone(),
        None => format!("qemu-{}", row.name.get_ref()),
    };
    let Elf { class, data, machine, types, flags } = elf.get_ref();
    let types = match types {
        None => Types::default(),
        Some(names) => {
            let mut sorted: Vec<&str> = names.get_ref().iter().map(String::as_str).collect();
            sorted.sort_unstable();
            match sorted[..] {
                ["dyn", "exec"] => Types::ExecDyn,
                ["dyn"] => Types::Dyn,
                ["exec"] => Types::Exec,
                _ => return source.wrong(names.span(), "types", "are \"exec\", \"dyn\" or both"),
            }
        }
    };
    if machine.get_ref().is_empty() {
        return source.wrong(machine.span(), "machine", "wants at least one e_machine number");
    }
    if flags.is_some() && *class == Class::Bits64 {
        return source.wrong(elf.span(), "flags", "only 32-bit targets are distinguished by e_flags");
    }
    let signature = |&machine: &u16| Signature { class: *class, data: *data, machine, flags: *flags, types };
    let signatures = machine.get_ref().iter().map(signature).collect();
    let probe = row.probe.as_ref().map(|probe| {
        let Probe { flags, code } = probe.get_ref();
        match from_hex(code.get_ref()) {
            Some(bytes) if (1..=1024).contains(&bytes.len()) => Ok(ProbeCode { flags: *flags, code: bytes }),
            _ => source.wrong(code.span(), "code", "is machine code in hex, 1 to 1024 bytes"),
        }
    });
    Ok(Kind::Elf { emulator, signatures, probe: probe.transpose()? })
}

fn raw_magic(source: &Source, raw: &Bytes) -> Result<Magic> {
    let Some(magic) = from_hex(raw.bytes.get_ref()) else {
        return source.wrong(raw.bytes.span(), "bytes", "is hex, two digits a byte");
    };
    let offset = raw.offset.as_ref().map_or(0, |o| *o.get_ref());
    let Some(mask) = &raw.mask else { return Ok(Magic::exact(offset, magic)) };
    match from_hex(mask.get_ref()) {
        Some(bytes) => Ok(Magic { offset, magic, mask: bytes }),
        None => source.wrong(mask.span(), "mask", "is hex, two digits a byte"),
    }
}

fn other(source: &Source, row: &Row, rule: Rule, span: Range<usize>) -> Result<Kind> {
    if let Some(emulator) = &row.emulator {
        return source.wrong(emulator.span(), "emulator", "goes with `elf`; this profile has an `interpreter`");
    }
    if let Some(probe) = &row.probe {
        return source.wrong(probe.span(), "probe", "goes with `elf`");
    }
    let Some(interpreter) = &row.interpreter else {
        return source.wrong(span, "interpreter", "is missing: the absolute path of the program that runs these files");
    };
    if !interpreter.get_ref().starts_with('/') {
        let why = "is not an absolute path: it would be looked up in the working directory of whoever runs a file";
        return source.wrong(interpreter.span(), "interpreter", why);
    }
    let flags = match &row.flags {
        None => Flags::default(),
        Some(letters) => match Flags::parse(letters.get_ref().as_bytes()) {
            Some(flags) => flags,
            None => return source.wrong(letters.span(), "flags", "are capital letters: P, O, C, F"),
        },
    };
    Ok(Kind::Other { rule, interpreter: interpreter.get_ref().into(), flags })
}

/// What the kernel would say to each entry of a profile: the first that it would refuse.
pub(super) fn would_register(profile: &Profile) -> Result<(), Mistake> {
    // The flags of every kernel up to 7.2, and the widest window.
    let kernel = Kernel { release: "7.2".into(), machine: String::new() };
    let (interpreter, flags) = match &profile.kind {
        Kind::Elf { emulator, .. } => (format!("/{emulator}"), Flags::default()),
        Kind::Other { interpreter, flags, .. } => (interpreter.display().to_string(), *flags),
    };
    profile.rules.iter().try_for_each(|named| {
        let entry = Entry {
            name: named.entry.as_str().into(),
            enabled: true,
            interpreter: Some(interpreter.as_str().into()),
            flags,
            rule: named.rule.clone(),
            unknown: Vec::new(),
        };
        register::compose(&entry, &kernel).map(drop)
    })
}

/// The profile, where the kernel takes it; else the kernel's answer at the field that it is about.
fn judged(source: &Source, row: &Row, profile: Profile) -> Result<Profile> {
    if let Err(mistake) = would_register(&profile) {
        let raw = row.magic.as_ref().map(Spanned::get_ref);
        let (field, span) = match mistake.field {
            Field::Magic | Field::String | Field::Type => ("bytes", raw.map(|r| r.bytes.span())),
            Field::Mask => ("mask", raw.and_then(|r| r.mask.as_ref()).map(Spanned::span)),
            Field::Offset => ("offset", raw.and_then(|r| r.offset.as_ref()).map(Spanned::span)),
            Field::Extension => ("extension", row.extension.as_ref().map(Spanned::span)),
            Field::Interpreter => ("interpreter", row.interpreter.as_ref().map(Spanned::span)),
            Field::Flags => ("flags", row.flags.as_ref().map(Spanned::span)),
            Field::Name => ("name", None),
        };
        return source.wrong(span.unwrap_or(row.name.span()), field, mistake.why);
    }
    let covers = |rule: &Magic| (0..WINDOW).any(|at| rule.at(at).1 != 0);
    match &profile.kind {
        Kind::Other { rule: Rule::Magic(magic), .. } if !covers(magic) => {
            let span = row.magic.as_ref().map_or(row.name.span(), Spanned::span);
            source.wrong(span, "mask", "it has no bit set: the rule would match every file")
        }
        _ => Ok(profile),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse("p.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn a_raw_rule_and_an_extension() {
        let wine = r#"
            [[profile]]
            name = "wine"
            interpreter = "/usr/bin/wine"
            flags = "P"
            magic = { bytes = "4d5a" }
            [[profile]]
            name = "jar"
            interpreter = "/usr/bin/jexec"
            extension = "jar"
        "#;
        let profiles = parse("p.toml", wine).unwrap();
        assert_eq!(profiles[0].rules[0].rule, Rule::Magic(Magic::exact(0, b"MZ".to_vec())));
        assert_eq!(profiles[1].rules[0].rule, Rule::Extension("jar".into()));
    }

    #[test]
    fn platforms_are_in_their_normal_form() {
        let of = |written: &str| {
            let text =
                format!("[[profile]]\nname = \"x\"\ninterpreter = \"/x\"\nextension = \"x\"\nplatforms = [{written}]");
            parse("p.toml", &text).unwrap().remove(0).platforms
        };
        assert_eq!(of("\"Linux/aarch64\", \"linux/x86_64/v1\""), ["linux/arm64", "linux/amd64"]);
        assert_eq!(of("\"linux/arm\", \"linux/armel\""), ["linux/arm/v7", "linux/arm/v6"]);
        for row in crate::architecture::Architecture::ALL.map(|arch| arch.row()) {
            for platform in row.platforms {
                assert_eq!(Platform::parse(platform).unwrap().to_string(), *platform);
            }
        }
    }

    #[test]
    fn every_refusal_names_file_line_and_field() {
        let with = |rest: &str| format!("[[profile]]\nname = \"x\"\n{rest}");
        let elf = "elf = { class = 64, data = \"little\", machine = [9] }";
        for (text, wanted) in [
            (with("interpreter = \"/x\"\nmagic = { bytes = \"4d5\" }"), "p.toml:4: field `bytes`: is hex"),
            (with("interpreter = \"/x\"\nmagic = { bytes = \"\" }"), "p.toml:4: field `bytes`"),
            (
                with("interpreter = \"/x\"\nmagic = { bytes = \"4d5a\", mask = \"ff\" }"),
                "p.toml:4: field `mask`: 1 bytes",
            ),
            (
                with("interpreter = \"/x\"\nmagic = { bytes = \"4d5a\", mask = \"zz\" }"),
                "p.toml:4: field `mask`: is hex",
            ),
            (
                with("interpreter = \"/x\"\nmagic = { bytes = \"4d\", mask = \"00\" }"),
                "field `mask`: it has no bit set",
            ),
            (with("interpreter = \"/x\"\nmagic = { offset = 255, bytes = \"4d5a\" }"), "p.toml:4: field `offset`"),
            (with("interpreter = \"/x\"\nmagic = { offset = -1, bytes = \"4d5a\" }"), "p.toml:4: field"),
            (
                with("interpreter = \"x\"\nextension = \"jar\""),
                "p.toml:3: field `interpreter`: is not an absolute path",
            ),
            (with("extension = \"jar\""), "p.toml:3: field `interpreter`: is missing"),
            (with("interpreter = \"/x\"\nextension = \"a/b\""), "p.toml:4: field `extension`: contains a slash"),
            (with("interpreter = \"/x\"\nextension = \"\""), "p.toml:4: field `extension`: is empty"),
            (with("interpreter = \"/x\"\nextension = \"j\"\nflags = \"PX\""), "p.toml:5: field `flags`"),
            (with("interpreter = \"/x\"\nextension = \"j\"\nflags = \"p\""), "p.toml:5: field `flags`: are capital"),
            (with("interpreter = \"/x\""), "p.toml:2: field `name`: a profile has one of"),
            (with(&format!("{elf}\nextension = \"j\"")), "p.toml:2: field `name`: a profile has one of"),
            (with(&format!("{elf}\ninterpreter = \"/x\"")), "p.toml:4: field `interpreter`: goes with"),
            (with(&format!("{elf}\nemulator = \"/x\"")), "p.toml:4: field `emulator`"),
            (with(&format!("{elf}\nprobe = {{ code = \"zz\" }}")), "p.toml:4: field `code`"),
            (with("extension = \"j\"\ninterpreter = \"/x\"\nprobe = { code = \"00\" }"), "p.toml:5: field `probe`"),
            (with("extension = \"j\"\ninterpreter = \"/x\"\nemulator = \"q\""), "p.toml:5: field `emulator`"),
            (
                with("elf = { class = 16, data = \"little\", machine = [9] }"),
                "p.toml:3: field `elf`: a class is 32 or 64",
            ),
            (with("elf = { class = 64, data = \"middle\", machine = [9] }"), "p.toml:3: field `elf`: unknown variant"),
            (with("elf = { class = 64, data = \"big\", machine = [9], types = [\"rel\"] }"), "p.toml:3: field `types`"),
            (with("elf = { class = 64, data = \"big\", machine = [] }"), "p.toml:3: field `machine`"),
            (with("elf = { class = 64, data = \"big\", machine = [70000] }"), "p.toml:3: field `elf`"),
            (
                with("elf = { class = 64, data = \"big\", machine = [9], flags = { value = 1, mask = 1 } }"),
                "field `flags`",
            ),
            (with("platforms = [\"arm64\"]\nextension = \"j\"\ninterpreter = \"/x\""), "p.toml:3: field `platforms`"),
            (with("colour = \"red\""), "p.toml:3: field `colour`: unknown field"),
            ("[[profile]]\nextension = \"j\"".to_owned(), "field `profile`: missing field `name`"),
            (
                "[[profile]]\nname = \"a/b\"\ninterpreter = \"/x\"\nextension = \"j\"".to_owned(),
                "p.toml:2: field `name`",
            ),
            ("[[profile]]\nname = ".to_owned(), "p.toml:2: field `name`"),
            ("x".to_owned(), "p.toml:1: field `x`"),
        ] {
            let got = error(&text);
            assert!(got.contains(wanted), "{text}\n  got: {got}\n  wanted: {wanted}");
        }
        let twice = with("interpreter = \"/x\"\nextension = \"j\"\n").repeat(2);
        assert!(error(&twice).contains("p.toml:6: field `name`: \"x\" is twice in this file"), "{}", error(&twice));
    }
}
