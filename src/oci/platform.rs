//! What an image is for, as OCI spells it: always in the normal form that containerd gives it (Normalize, Parse and Only
//! of github.com/containerd/platforms), so that spellings of one platform are equal.

use std::fmt;

use serde::Deserialize;

use crate::architecture::Architecture;
use crate::error::{Error, Result};
use crate::kernel::Kernel;

/// What an image runs on, in its normal form.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Written")]
pub struct Platform {
    /// "linux"
    pub os: String,
    /// "amd64"
    pub architecture: String,
    /// "v7"; `None` for the one that the architecture has without a word.
    pub variant: Option<String>,
}

/// As documents have it.
#[derive(Deserialize)]
struct Written {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// Operating systems that may stand alone. They are those of Go.
const SYSTEMS: [&str; 17] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "zos",
];

impl From<Written> for Platform {
    fn from(written: Written) -> Platform {
        Platform::new(&written.os, &written.architecture, written.variant.as_deref())
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

impl Platform {
    /// Any spelling of an operating system, an architecture and a variant.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Platform {
        let os = match os.to_ascii_lowercase() {
            os if os == "macos" => "darwin".to_owned(),
            os => os,
        };
        let (architecture, variant) =
            (architecture.to_ascii_lowercase(), variant.unwrap_or_default().to_ascii_lowercase());
        let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
            ("i386", _) => ("386", ""),
            ("x86_64" | "x86-64" | "amd64", variant) => ("amd64", if variant == "v1" { "" } else { variant }),
            ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
            ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
            ("aarch64" | "arm64", variant) => ("arm64", variant),
            ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
            ("armel", _) | ("arm", "6") => ("arm", "v6"),
            ("arm", "5") => ("arm", "v5"),
            ("arm", "8") => ("arm", "v8"),
            other => other,
        };
        let variant = Some(variant.to_owned()).filter(|variant| !variant.is_empty());
        Platform { os, architecture: architecture.to_owned(), variant }
    }

    /// OS/ARCHITECTURE[/VARIANT], OS, or ARCHITECTURE[/VARIANT]: Linux, and this machine's, where they are left out.
    ///
    /// # Errors
    ///
    /// The text has another form, or one word that is neither.
    pub fn parse(text: &str) -> Result<Platform> {
        let wrong = |why: &str| {
            Err(Error::usage(format!("reading the platform {text:?}"), why)
                .help("it is OS/ARCHITECTURE[/VARIANT]: linux/arm64, linux/arm/v7 ..."))
        };
        let is_word = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        };
        let parts: Vec<&str> = text.splitn(4, '/').collect();
        if !parts.iter().all(|part| is_word(part)) {
            return wrong("a part of it is empty, or has other characters than letters, digits, '_', '.' and '-'");
        }
        match parts[..] {
            [os] if Platform::is_known_os(os) => {
                let own = Platform::of_machine(&Kernel::running().machine);
                Ok(Platform::new(os, &own.architecture, own.variant.as_deref()))
            }
            [architecture] if Platform::is_known_architecture(architecture) => {
                Ok(Platform::new("linux", architecture, None))
            }
            [_] => wrong("this is neither an operating system nor an architecture"),
            // containerd takes "arm/v7" for an operating system called arm.
            [architecture, variant] if Platform::is_known_architecture(architecture) => {
                Ok(Platform::new("linux", architecture, Some(variant)))
            }
            [os, architecture] => Ok(Platform::new(os, architecture, None)),
            [os, architecture, variant] => Ok(Platform::new(os, architecture, Some(variant))),
            _ => wrong("it has too many parts"),
        }
    }

    /// That of a machine with Linux, by `uname -m`.
    pub fn of_machine(machine: &str) -> Platform {
        let known = Architecture::of_machine(machine);
        let architecture = known.map_or(machine, |architecture| architecture.label());
        // "armv6l" says its variant.
        let variant = machine.strip_prefix("armv").and_then(|rest| rest.get(..1)).filter(|_| architecture == "arm");
        Platform::new("linux", architecture, variant)
    }

    fn is_known_os(word: &str) -> bool {
        SYSTEMS.contains(&Platform::new(word, "", None).os.as_str())
    }

    fn is_known_architecture(word: &str) -> bool {
        let wanted = Platform::new("linux", word, None).architecture;
        let platforms = Architecture::ALL.into_iter().flat_map(|arch| arch.row().platforms);
        platforms.into_iter().any(|platform| platform.split('/').nth(1) == Some(&wanted))
    }

    /// How well what is for `offered` serves who wants this platform: 0 is best, `None` is not at all.
    pub fn rank(&self, offered: &Platform) -> Option<usize> {
        self.served_by().iter().position(|platform| platform == offered)
    }

    /// The platforms whose programs run on this one, the best first: older variants, and the 32-bit mode next to it.
    fn served_by(&self) -> Vec<Platform> {
        let of = |architecture: &str, variant: &str| Platform::new(&self.os, architecture, Some(variant));
        let number = |variant: &str| variant.strip_prefix('v').and_then(|n| n.parse::<u8>().ok());
        let variant = self.variant.as_deref().unwrap_or_default();
        let mut all = vec![self.clone()];
        match self.architecture.as_str() {
            "amd64" => {
                all.extend((1..number(variant).unwrap_or(1)).rev().map(|level| of("amd64", &format!("v{level}"))));
                all.push(of("386", ""));
            }
            "arm" => all.extend((5..number(variant).unwrap_or(5)).rev().map(|older| of("arm", &format!("v{older}")))),
            "arm64" => {
                let older = arm64_versions(variant).into_iter().skip(1);
                all.extend(older.map(|(major, minor)| of("arm64", &format!("v{major}.{minor}"))));
                // Each has ARMv8's 32-bit mode, as far as OCI is concerned.
                all.extend(of("arm", "v8").served_by());
            }
            _ => {}
        }
        all
    }
}

/// The versions of the architecture that one of them includes, the newest first; ARMv9.N includes ARMv8.(N+5).
fn arm64_versions(variant: &str) -> Vec<(u8, u8)> {
    const LAST_OF_8: u8 = 9;
    let version = if variant.is_empty() { "v8" } else { variant };
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    let Ok(minor) = minor.parse::<u8>() else { return Vec::new() };
    let down = |major: u8, from: u8| (0..=from).rev().map(move |minor| (major, minor));
    match major {
        "v8" if minor <= LAST_OF_8 => down(8, minor).collect(),
        "v9" if minor <= LAST_OF_8 => down(9, minor).chain(down(8, (minor + 5).min(LAST_OF_8))).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(os: &str, architecture: &str, variant: &str) -> String {
        Platform::new(os, architecture, Some(variant)).to_string()
    }

    fn parsed(text: &str) -> String {
        Platform::parse(text).map_or_else(|_| "refused".to_owned(), |platform| platform.to_string())
    }

    #[test]
    fn the_normal_form_of_each_spelling() {
        for (architecture, variant, wanted) in [
            ("i386", "", "linux/386"),
            ("i386", "v2", "linux/386"),
            ("386", "", "linux/386"),
            ("x86_64", "", "linux/amd64"),
            ("x86-64", "", "linux/amd64"),
            ("X86_64", "V1", "linux/amd64"),
            ("amd64", "v1", "linux/amd64"),
            ("amd64", "v2", "linux/amd64/v2"),
            ("AMD64", "V3", "linux/amd64/v3"),
            ("aarch64", "", "linux/arm64"),
            ("AArch64", "v8", "linux/arm64"),
            ("arm64", "8", "linux/arm64"),
            ("arm64", "v8.0", "linux/arm64"),
            ("arm64", "v8.1", "linux/arm64/v8.1"),
            ("arm64", "9", "linux/arm64/v9"),
            ("arm64", "9.0", "linux/arm64/v9"),
            ("arm64", "v9.0", "linux/arm64/v9"),
            ("arm64", "v9.2", "linux/arm64/v9.2"),
            ("armhf", "", "linux/arm/v7"),
            ("armhf", "v6", "linux/arm/v7"),
            ("armel", "", "linux/arm/v6"),
            ("arm", "", "linux/arm/v7"),
            ("arm", "7", "linux/arm/v7"),
            ("arm", "6", "linux/arm/v6"),
            ("arm", "5", "linux/arm/v5"),
            ("arm", "8", "linux/arm/v8"),
            ("arm", "v4", "linux/arm/v4"),
            ("riscv64", "", "linux/riscv64"),
            ("ppc64le", "power9", "linux/ppc64le/power9"),
        ] {
            assert_eq!(normal("linux", architecture, variant), wanted, "{architecture} {variant}");
        }
        assert_eq!(normal("Linux", "amd64", ""), "linux/amd64");
        assert_eq!(normal("macOS", "arm64", ""), "darwin/arm64");
        let written = r#"{"os": "Linux", "architecture": "aarch64", "variant": "v8"}"#;
        assert_eq!(serde_json::from_str::<Platform>(written).unwrap().to_string(), "linux/arm64");
    }

    #[test]
    fn what_people_write() {
        for (text, wanted) in [
            ("linux/arm64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/aarch64", "linux/arm64"),
            ("LINUX/AMD64", "linux/amd64"),
            ("Linux/x86_64", "linux/amd64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/v6", "linux/arm/v6"),
            ("linux/armhf", "linux/arm/v7"),
            ("linux/s390x", "linux/s390x"),
            ("linux/vax", "linux/vax"),
            ("windows/amd64", "windows/amd64"),
            ("Aarch64", "linux/arm64"),
            ("x86_64", "linux/amd64"),
            ("x86-64", "linux/amd64"),
            ("i386", "linux/386"),
            ("arm", "linux/arm/v7"),
            ("armel", "linux/arm/v6"),
            ("armhf", "linux/arm/v7"),
            ("arm/7", "linux/arm/v7"),
            ("arm/v6", "linux/arm/v6"),
            ("arm64/8", "linux/arm64"),
            ("amd64/v3", "linux/amd64/v3"),
            ("s390x", "linux/s390x"),
            ("", "refused"),
            ("vax", "refused"),
            ("/linux/arm", "refused"),
            ("linux/arm/", "refused"),
            ("linux /arm", "refused"),
            ("linux/&arm", "refused"),
            ("linux/*", "refused"),
            ("linux/arm/v7/neon", "refused"),
        ] {
            assert_eq!(parsed(text), wanted, "{text:?}");
            if wanted != "refused" {
                assert_eq!(parsed(wanted), wanted);
            }
        }
        let own = Platform::of_machine(&Kernel::running().machine);
        assert_eq!(parsed("linux"), own.to_string());
        assert_eq!(parsed("macOS"), Platform { os: "darwin".into(), ..own }.to_string());
    }

    #[test]
    fn what_serves_whom() {
        let all = [
            "linux/386",
            "linux/amd64",
            "linux/amd64/v1",
            "linux/amd64/v2",
            "linux/amd64/v3",
            "linux/amd64/v4",
            "linux/arm",
            "linux/arm/v4",
            "linux/arm/v5",
            "linux/arm/v6",
            "linux/arm/v7",
            "linux/arm/v8",
            "linux/arm/v9",
            "linux/arm64",
            "linux/arm64/v8",
            "linux/arm64/v8.1",
            "linux/arm64/v8.5",
            "linux/arm64/v8.6",
            "linux/arm64/v8.9",
            "linux/arm64/v8.10",
            "linux/arm64/v9",
            "linux/arm64/v9.0",
            "linux/arm64/v9.6",
            "windows/amd64",
            "windows/arm",
        ];
        const ARM: [&str; 5] = ["linux/arm", "linux/arm/v5", "linux/arm/v6", "linux/arm/v7", "linux/arm/v8"];
        const ARM64: [&str; 2] = ["linux/arm64", "linux/arm64/v8"];
        let v9 = ["linux/arm64/v8.1", "linux/arm64/v8.5", "linux/arm64/v9", "linux/arm64/v9.0"];
        for (wanted, serve) in [
            ("linux/amd64", &["linux/386", "linux/amd64", "linux/amd64/v1"][..]),
            ("linux/amd64/v2", &["linux/386", "linux/amd64", "linux/amd64/v1", "linux/amd64/v2"]),
            ("linux/386", &["linux/386"]),
            ("windows/amd64", &["windows/amd64"]),
            ("linux/arm/v8", &ARM),
            ("linux/arm/v7", &ARM[..4]),
            ("linux/arm/v6", &ARM[1..3]),
            ("linux/arm/v5", &ARM[1..2]),
            ("linux/arm/v4", &["linux/arm/v4"]),
            ("linux/arm64", &[&ARM[..], &ARM64].concat()),
            ("linux/arm64/v8.1", &[&ARM[..], &ARM64, &v9[..1]].concat()),
            ("linux/arm64/v9", &[&ARM[..], &ARM64, &v9].concat()),
            (
                "linux/arm64/v9.6",
                &[&ARM[..], &ARM64, &v9, &["linux/arm64/v8.6", "linux/arm64/v8.9", "linux/arm64/v9.6"]].concat(),
            ),
        ] {
            let platform = Platform::parse(wanted).unwrap();
            for offered in all {
                let serves = platform.rank(&Platform::parse(offered).unwrap()).is_some();
                assert_eq!(serves, serve.contains(&offered), "{offered} for {wanted}");
            }
        }
        let rank = |wanted, offered| Platform::parse(wanted).unwrap().rank(&Platform::parse(offered).unwrap());
        assert_eq!(rank("linux/arm64", "linux/arm64"), Some(0));
        assert!(rank("linux/arm64", "linux/arm/v8") < rank("linux/arm64", "linux/arm/v7"));
        assert!(rank("linux/arm64/v9", "linux/arm64/v8.5") < rank("linux/arm64/v9", "linux/arm64"));
    }

    #[test]
    fn a_machine_has_a_platform() {
        for (machine, wanted) in [
            ("x86_64", "linux/amd64"),
            ("aarch64", "linux/arm64"),
            ("armv7l", "linux/arm/v7"),
            ("armv6l", "linux/arm/v6"),
            ("armv5tel", "linux/arm/v5"),
            ("armv8l", "linux/arm/v8"),
            ("i686", "linux/386"),
            ("ppc64le", "linux/ppc64le"),
            ("mips64", "linux/mips64le"),
            ("loongarch64", "linux/loong64"),
            ("vax", "linux/vax"),
        ] {
            assert_eq!(Platform::of_machine(machine).to_string(), wanted);
        }
    }

    #[test]
    fn the_table_has_normal_forms() {
        for platform in Architecture::ALL.into_iter().flat_map(|arch| arch.row().platforms) {
            assert_eq!(parsed(platform), *platform);
        }
    }
}
