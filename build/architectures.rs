//! The architectures: what each is called, what its programs look like, and the code of its probe. `Architecture` has a
//! variant for each, in the order of the file.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use serde::Deserialize;
use toml::Spanned;

use super::literal::{Literal, literal};
use super::source::{Mistake, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    buildkit: Vec<Spanned<String>>,
    profile: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: Spanned<String>,
    platforms: Vec<Spanned<String>>,
    aliases: Vec<Spanned<String>>,
    machines: Vec<Spanned<String>>,
    native_on: Vec<String>,
    elf: Elf,
    #[serde(default)]
    abi: Vec<Abi>,
    probe: Option<Probe>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Elf {
    class: Class,
    data: Data,
    machine: Spanned<Vec<u16>>,
    flags: Option<Spanned<FlagBits>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "u8")]
enum Class {
    Bits32,
    Bits64,
}

impl TryFrom<u8> for Class {
    type Error = &'static str;
    fn try_from(bits: u8) -> Result<Class, &'static str> {
        match bits {
            32 => Ok(Class::Bits32),
            64 => Ok(Class::Bits64),
            _ => Err("a class is 32 or 64"),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Data {
    Little,
    Big,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FlagBits {
    value: u32,
    mask: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Probe {
    #[serde(default)]
    flags: u32,
    code: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Abi {
    debian: Option<String>,
    triplet: String,
    gnu: Option<String>,
    class: Option<Class>,
    #[serde(default)]
    machines: Vec<Spanned<String>>,
    #[serde(default)]
    glibc: Vec<Spanned<String>>,
    #[serde(default)]
    musl: Vec<Spanned<String>>,
    sysroot: Option<String>,
}

literal!(enum Class);
literal!(enum Data);
literal!(struct FlagBits { value, mask });

impl Literal for (&Abi, Class) {
    fn literal(&self) -> TokenStream {
        let Abi { debian, triplet, gnu, class, machines, glibc, musl, sysroot } = self.0;
        let (debian, machines, sysroot) = (debian.literal(), machines.literal(), sysroot.literal());
        let (glibc, musl, class) = (glibc.literal(), musl.literal(), class.unwrap_or(self.1).literal());
        let gnu = gnu.as_ref().unwrap_or(triplet);
        quote! {
            Abi {
                debian: #debian, triplet: #triplet, gnu: #gnu, class: #class, machines: #machines,
                glibc: #glibc, musl: #musl, sysroot: #sysroot,
            }
        }
    }
}

/// Longest code of a probe.
const MAX_CODE: usize = 1024;

/// The table, and what other data may name of it.
pub(crate) struct Architectures<'s> {
    source: &'s Source,
    table: Table,
}

impl Architectures<'_> {
    /// Whether an ABI has this name of Debian's.
    pub(crate) fn has_port(&self, name: &str) -> bool {
        self.table.profile.iter().flat_map(|row| &row.abi).any(|abi| abi.debian.as_deref() == Some(name))
    }
}

pub(crate) fn read(source: &Source) -> Result<Architectures<'_>, Mistake> {
    Ok(Architectures { source, table: source.parse()? })
}

pub(crate) fn generate(architectures: &Architectures) -> Result<TokenStream, Mistake> {
    let Architectures { source, table: Table { buildkit, profile: rows } } = architectures;
    unique_spellings(rows, source)?;
    let values = rows.iter().map(|row| value(row, source)).collect::<Result<Vec<_>, _>>()?;
    let is_platform = |wanted: &Spanned<String>| {
        rows.iter().flat_map(|row| &row.platforms).any(|platform| platform.get_ref() == wanted.get_ref())
    };
    if let Some(other) = buildkit.iter().find(|platform| !is_platform(platform)) {
        return Err(source.mistake(&other.span(), "buildkit", "no profile has this platform"));
    }
    let buildkit = buildkit.literal();
    let variants: Vec<_> = rows.iter().map(|row| variant(row.name.get_ref())).collect();
    let names = rows.iter().map(|row| format!("QEMU's {}.", row.name.get_ref()));
    let len = rows.len();
    Ok(quote! {
        /// A target of QEMU's user emulators.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Architecture { #(#[doc = #names] #variants),* }

        impl Architecture {
            /// All of them.
            pub const ALL: [Architecture; #len] = [#(Architecture::#variants),*];
        }

        /// The platforms that BuildKit knows, in the order in which it lists them after the machine's own.
        pub const BUILDKIT: &[&str] = #buildkit;

        const TABLE: [ArchitectureRow; #len] = [#(#values),*];
    })
}

/// "aarch64_be" -> Aarch64Be; a _ between digits stays: "x86_64" -> X86_64.
fn variant(name: &str) -> Ident {
    let mut variant = String::new();
    for word in name.split('_') {
        let between_digits =
            variant.ends_with(|c: char| c.is_ascii_digit()) && word.starts_with(|c: char| c.is_ascii_digit());
        variant.push_str(if between_digits { "_" } else { "" });
        variant.extend(word.chars().take(1).map(|c| c.to_ascii_uppercase()).chain(word.chars().skip(1)));
    }
    format_ident!("{variant}")
}

fn value(row: &Row, source: &Source) -> Result<TokenStream, Mistake> {
    let Row { name, platforms, aliases, machines, native_on, elf, abi, probe } = row;
    let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if !name.get_ref().bytes().all(is_name) || !name.get_ref().starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(source.mistake(&name.span(), "name", "a name of QEMU's has lower-case letters, digits and _"));
    }
    for platform in platforms {
        let parts: Vec<&str> = platform.get_ref().split('/').collect();
        if !matches!(parts[..], ["linux", a] | ["linux", a, _] if !a.is_empty()) || parts.last() == Some(&"") {
            return Err(source.mistake(
                &platform.span(),
                "platforms",
                "a platform is linux/ARCH or linux/ARCH/VARIANT",
            ));
        }
    }
    if elf.machine.get_ref().is_empty() {
        return Err(source.mistake(&elf.machine.span(), "machine", "wants at least one e_machine number"));
    }
    if let Some(flags) = elf.flags.as_ref().filter(|_| elf.class == Class::Bits64) {
        return Err(source.mistake(&flags.span(), "flags", "only 32-bit targets are told apart by e_flags"));
    }
    for abi in abi {
        if let Some(other) = abi.machines.iter().find(|own| !machines.iter().any(|m| m.get_ref() == own.get_ref())) {
            return Err(source.mistake(&other.span(), "machines", "it is not among the architecture's machines"));
        }
        if let Some(loader) = abi.glibc.iter().chain(&abi.musl).find(|path| !path.get_ref().starts_with('/')) {
            return Err(source.mistake(&loader.span(), "glibc, musl", "a loader is an absolute path"));
        }
    }
    let abis = abi.iter().map(|abi| (abi, elf.class)).collect::<Vec<_>>().literal();
    let elf = {
        let Elf { class, data, machine, flags } = elf;
        let (class, data, machines, flags) = (class.literal(), data.literal(), machine.literal(), flags.literal());
        quote!(ElfIdentity { class: #class, data: #data, machines: #machines, flags: #flags })
    };
    let probe = match probe {
        Some(Probe { flags, code }) => {
            let bytes = source.bytes(code, "code")?;
            if !(1..=MAX_CODE).contains(&bytes.len()) {
                return Err(source.mistake(&code.span(), "code", format!("has 1 to {MAX_CODE} bytes")));
            }
            let code = bytes.literal();
            quote!(Some(ProbeInstructions { flags: #flags, code: #code }))
        }
        None => quote!(None),
    };
    let (name, platforms) = (name.literal(), platforms.literal());
    let (aliases, machines, native_on) = (aliases.literal(), machines.literal(), native_on.literal());
    Ok(quote! {
        ArchitectureRow {
            name: #name, platforms: #platforms, aliases: #aliases, machines: #machines, native_on: #native_on,
            elf: #elf, abis: #abis, probe: #probe,
        }
    })
}

/// A spelling means one architecture. A machine may be named as another one is: kernels of both byte orders say "mips64".
fn unique_spellings(rows: &[Row], source: &Source) -> Result<(), Mistake> {
    let mut owners = BTreeMap::new();
    for row in rows {
        let spellings = [(&row.name, "name")].into_iter();
        let spellings = spellings.chain(row.platforms.iter().map(|p| (p, "platforms")));
        let is_name = |text: &Spanned<String>| rows.iter().any(|row| row.name.get_ref() == text.get_ref());
        let machines = row.machines.iter().filter(|machine| !is_name(machine)).map(|m| (m, "machines"));
        for (spelling, field) in spellings.chain(row.aliases.iter().map(|a| (a, "aliases"))).chain(machines) {
            let plain = spelling.get_ref().to_ascii_lowercase().replace('-', "_");
            let plain = plain.strip_prefix("linux/").unwrap_or(&plain).to_owned();
            let owner = row.name.get_ref();
            if let Some(other) = owners.insert(plain, owner).filter(|other| *other != owner) {
                return Err(source.mistake(&spelling.span(), field, format!("{other} has this spelling too")));
            }
        }
    }
    Ok(())
}
