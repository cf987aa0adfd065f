//! Profiles: how to recognise the files of a target and what runs them. profiles/qemu.toml is built in; more come
//! from directories of .toml files, where a later profile of the same name replaces an earlier one.

mod file;
pub mod program;
mod spelling;

pub use file::parse;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::architecture::{Architecture, ArchitectureRow};
use crate::binfmt::entry::Flags;
use crate::binfmt::rule::{Magic, Rule};
use crate::error::{Doing, Error, Result};
use crate::signature::Signature;
use crate::{trust, verify};

/// A profile is data, and small; a larger file is something else.
const MAX_FILE: u64 = 1 << 20;

/// How to recognise a kind of file, and what runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// QEMU's name of the target, or the user's own name.
    pub name: String,
    /// OCI platforms ("linux/arm64"), the usual one first; none where OCI has no name.
    pub platforms: Vec<String>,
    /// Other spellings that people use.
    pub aliases: Vec<String>,
    /// Machines (`uname -m`) whose kernel may run these files itself.
    pub native_on: Vec<String>,
    /// What it recognises and what runs it.
    pub kind: Kind,
    /// Its rules. The first carries the plain name, "qemu-ARCH", which other tools look for.
    pub rules: Vec<NamedRule>,
}

/// What a profile recognises, and what runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// ELF files of another CPU, run by an emulator of QEMU's making.
    Elf {
        /// The emulator's file name without `-static`: "qemu-aarch64".
        emulator: String,
        /// One for each e_machine in use.
        signatures: Vec<Signature>,
        /// The program that shows whether emulation works.
        probe: Option<ProbeCode>,
    },
    /// Any other files, run by a program at a fixed place.
    Other {
        /// Bytes or extension.
        rule: Rule,
        /// Absolute path.
        interpreter: PathBuf,
        /// Flags of the entry.
        flags: Flags,
    },
}

/// Machine code that writes the first 16 bytes of argv\[0\] to standard output and exits with 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeCode {
    /// e_flags of the probe.
    pub flags: u32,
    /// The instructions, in memory order.
    #[serde(with = "crate::text::hex")]
    pub code: Vec<u8>,
}

/// A rule of a profile and the name of the entry that carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedRule {
    /// The entry's name, without a prefix of the user's.
    pub entry: String,
    /// The rule.
    pub rule: Rule,
    /// The probe program that it takes.
    #[serde(skip)]
    pub probe: Option<Vec<u8>>,
}

impl Profile {
    /// That of profiles/qemu.toml.
    fn built_in(architecture: Architecture) -> Profile {
        let owned = |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| (*text).to_owned()).collect() };
        let ArchitectureRow { name, platforms, aliases, machines, native_on, elf, probe, .. } = architecture.row();
        let kind = Kind::Elf {
            emulator: format!("qemu-{name}"),
            signatures: elf.signatures().collect(),
            probe: probe.as_ref().map(|probe| ProbeCode { flags: probe.flags, code: probe.code.to_vec() }),
        };
        Profile {
            name: (*name).to_owned(),
            platforms: owned(platforms),
            // "mips64" is what kernels of both byte orders say, and the name of one.
            aliases: owned(aliases)
                .into_iter()
                .chain(owned(machines).into_iter().filter(|m| Architecture::named(m).is_none()))
                .collect(),
            native_on: owned(native_on),
            rules: Profile::rules_of(name, &kind),
            kind,
        }
    }

    /// The files of the target, as its native loader takes them; none for a profile that is not ELF.
    pub fn ordinary_files(&self) -> Vec<Magic> {
        match &self.kind {
            Kind::Elf { signatures, .. } => signatures.iter().map(Signature::ordinary_files).collect(),
            Kind::Other { .. } => Vec::new(),
        }
    }

    fn rules_of(name: &str, kind: &Kind) -> Vec<NamedRule> {
        let (signatures, probe) = match kind {
            Kind::Elf { signatures, probe, .. } => (signatures, probe),
            Kind::Other { rule, .. } => {
                return vec![NamedRule { entry: name.to_owned(), rule: rule.clone(), probe: None }];
            }
        };
        let named = |(i, signature): (usize, &Signature)| NamedRule {
            entry: match i {
                0 => format!("qemu-{name}"),
                _ => format!("qemu-{name}-{:x}", signature.machine),
            },
            rule: Rule::Magic(signature.rule()),
            probe: probe.as_ref().map(|code| program::build(signature, code)),
        };
        signatures.iter().enumerate().map(named).collect()
    }

    /// What to call it before people: its OCI platform's name without "linux/", or its own.
    pub fn label(&self) -> &str {
        self.platforms.first().map_or(self.name.as_str(), |p| {
            let p = p.strip_prefix("linux/").unwrap_or(p);
            p.split('/').next().unwrap_or(p)
        })
    }

    /// Whether a file of QEMU's runs it.
    pub fn is_emulated(&self) -> bool {
        matches!(self.kind, Kind::Elf { .. })
    }
}

/// Profiles of what is not for a CPU. They are built in, and installed when they are named: what runs such files, and whether
/// it should, differs from machine to machine.
static BY_NAME: LazyLock<Vec<Profile>> = LazyLock::new(|| {
    let files = [
        ("profiles/java.toml", include_str!("../../profiles/java.toml")),
        ("profiles/wasm.toml", include_str!("../../profiles/wasm.toml")),
        ("profiles/wine.toml", include_str!("../../profiles/wine.toml")),
    ];
    files.iter().filter_map(|(name, text)| file::parse(name, text).ok()).flatten().collect()
});

/// All profiles, in the order of their files.
#[derive(Debug, Clone)]
pub struct Profiles(Vec<Profile>);

impl Profiles {
    /// The built-in ones, then those of each directory's .toml files in the order of their names.
    /// A directory that does not exist counts as empty unless `required`.
    ///
    /// # Errors
    /// A required directory that cannot be read, and mistakes in its files.
    pub fn load(directories: &[Directory]) -> Result<Self> {
        let mut profiles = Profiles(Architecture::ALL.map(Profile::built_in).into());
        let mut more = false;
        for directory in directories {
            for path in directory.files()? {
                let text = read(&path)?;
                profiles.add(file::parse(&path.display().to_string(), &text)?);
                more = true;
            }
        }
        if more {
            spelling::check_unique(&profiles.0)?;
        }
        Ok(profiles)
    }

    fn add(&mut self, more: Vec<Profile>) {
        for profile in more {
            match self.0.iter_mut().find(|p| p.name == profile.name) {
                Some(old) => *old = profile,
                None => self.0.push(profile),
            }
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.0.iter()
    }

    /// The profile of this very name.
    pub fn named(&self, name: &str) -> Option<&Profile> {
        self.0.iter().find(|p| p.name == name)
    }

    /// The profile that a person means by any spelling of an architecture: arm64, aarch64, linux/arm64/v8 ...
    ///
    /// # Errors
    /// A spelling that no profile has; the help names the nearest.
    pub fn find(&self, spelling: &str) -> Result<&Profile> {
        self.spelled(spelling).ok_or_else(|| spelling::unknown(spelling, &self.0))
    }

    /// Like [`Profiles::find`], without an opinion on what is not found.
    pub fn spelled(&self, spelling: &str) -> Option<&Profile> {
        spelling::find(spelling, &self.0).or_else(|| spelling::find(spelling, &BY_NAME))
    }

    /// The profile with this rule.
    pub fn of_rule(&self, rule: &Rule) -> Option<&Profile> {
        self.0.iter().find(|p| p.rules.iter().any(|r| r.rule.same_meaning(rule)))
    }
}

/// A directory of profile files.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is an error when it does not exist.
    pub required: bool,
}

impl Directory {
    fn files(&self) -> Result<Vec<PathBuf>> {
        let listing = match std::fs::read_dir(&self.path) {
            Ok(listing) => listing,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !self.required => return Ok(Vec::new()),
            Err(error) => {
                let doing = format!("reading the profiles in {}", self.path.display());
                return Err(Error::io(doing, error).with_status(crate::error::Status::Usage));
            }
        };
        // What the caller named is the caller's word.
        let check = |path: &Path| match self.required {
            true => Ok(()),
            false => trust::require(format!("reading the profiles in {}", self.path.display()), path),
        };
        let mut files = Vec::new();
        for item in listing {
            let path = item.doing(|| format!("listing {}", self.path.display()))?.path();
            if path.extension().is_some_and(|e| e == "toml") {
                check(&path)?;
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }
}

fn read(path: &Path) -> Result<String> {
    let doing = || format!("reading the profile file {}", path.display());
    let size = std::fs::metadata(path).doing(doing)?.len();
    if size > MAX_FILE {
        return Err(Error::usage(doing(), format!("{size} bytes, a profile file has at most {MAX_FILE}")));
    }
    let bytes = verify::small_file(path, MAX_FILE).doing(doing)?;
    String::from_utf8(bytes).map_err(|e| Error::usage(doing(), format!("not UTF-8: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_would_take_every_built_in_rule() {
        let profiles = Profiles::load(&[]).unwrap();
        assert_eq!(profiles.iter().count(), 33);
        for profile in profiles.iter() {
            file::would_register(profile).unwrap_or_else(|mistake| panic!("{}: {mistake}", profile.name));
        }
    }

    #[test]
    fn what_is_for_no_cpu_is_found_by_its_name_alone() {
        let profiles = Profiles::load(&[]).unwrap();
        for (spelling, name) in [("jar", "jar"), ("java", "jar"), ("wasm", "wasm"), ("wine", "wine")] {
            let profile = profiles.find(spelling).unwrap();
            assert_eq!(profile.name, name);
            file::would_register(profile).unwrap();
            assert!(profiles.iter().all(|p| p.name != name));
        }
    }

    #[test]
    fn every_spelling_of_the_user_s_five_is_understood() {
        let profiles = Profiles::load(&[]).unwrap();
        for (spelling, name) in [
            ("arm64", "aarch64"),
            ("linux/arm64", "aarch64"),
            ("linux/arm64/v8", "aarch64"),
            ("AArch64", "aarch64"),
            ("arm/v7", "arm"),
            ("linux/arm/v6", "arm"),
            ("armhf", "arm"),
            ("ppc64el", "ppc64le"),
            ("linux/s390x", "s390x"),
            ("riscv64", "riscv64"),
            ("x86-64", "x86_64"),
            ("amd64", "x86_64"),
            ("linux/amd64/v3", "x86_64"),
            ("386", "i386"),
            ("loong64", "loongarch64"),
        ] {
            assert_eq!(profiles.find(spelling).unwrap().name, name, "{spelling}");
        }
        let help = |text: &str| profiles.find(text).unwrap_err().help_text().unwrap().to_owned();
        assert!(help("amr64").contains("did you mean arm64?"), "{}", help("amr64"));
        assert!(help("s390").contains("did you mean s390x?"), "{}", help("s390"));
        assert!(!help("bogusarch").contains("did you mean"), "{}", help("bogusarch"));
    }
}
