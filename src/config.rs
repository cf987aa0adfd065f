//! /etc/rbinfmt/config.toml: what the system as a whole wants.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result, Status};
use crate::host::Host;
use crate::text::nearest;
use crate::{beneath, trust, verify};

/// A configuration has a few lines.
pub(crate) const MAX: u64 = 1 << 20;

/// The configuration.
#[derive(Debug)]
pub struct Config {
    /// Architectures by any spelling, or "all". Entries of ours for others are removed.
    pub architectures: Vec<String>,
    /// Where emulators are taken from; the usual directories where it is left out.
    pub emulators: Vec<PathBuf>,
    /// Flag C.
    pub credentials: bool,
}

/// Its section `[fetch]`, which counts without any architectures too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fetch {
    /// The mirror of the Debian archive.
    pub mirror: Option<String>,
    /// The keyring that its signatures are held against instead of Debian's.
    pub keyring: Option<PathBuf>,
    /// For a registry, the hosts that are asked before it: `"docker.io" = ["https://mirror.example"]`.
    #[serde(default)]
    pub registry_mirrors: BTreeMap<String, Vec<String>>,
}

/// A section `[emulation.ARCH]`: options of the emulator of one architecture, for `run`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emulation {
    /// The model of CPU (QEMU's -cpu).
    pub cpu: Option<String>,
    /// Bytes of the stack (-s).
    pub stack: Option<u64>,
    /// Whether system calls are printed (-strace).
    #[serde(default)]
    pub strace: bool,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    architectures: Option<Vec<String>>,
    #[serde(default)]
    emulators: Vec<PathBuf>,
    #[serde(default = "yes")]
    credentials: bool,
    #[serde(default)]
    fetch: Fetch,
    #[serde(default)]
    emulation: BTreeMap<String, Emulation>,
}

fn yes() -> bool {
    true
}

/// The first lines of a configuration that we write.
const HEAD: &str = "\
# What this system wants of rbinfmt; rbinfmt.service makes it so at every boot, `systemctl reload rbinfmt` immediately.
";

/// The configuration with these architectures in it; all else stays as it is. `old` is what there is.
///
/// # Errors
/// A mistake in the old text, with its line.
pub fn with_architectures(path: &Path, old: Option<&str>, archs: &[String]) -> Result<String> {
    let wrong = |error: toml_edit::TomlError| mistake(path, old.unwrap_or_default(), error.span(), error.message());
    let mut list = toml_edit::value(archs.iter().map(String::as_str).collect::<toml_edit::Array>());
    let Some(old) = old else { return Ok(format!("{HEAD}architectures = {list}\n")) };
    let mut document: toml_edit::DocumentMut = old.parse().map_err(wrong)?;
    let present = &mut document["architectures"];
    if let (Some(present), Some(list)) = (present.as_value(), list.as_value_mut()) {
        // The comment after it.
        *list.decor_mut() = present.decor().clone();
    }
    *present = list;
    Ok(document.to_string())
}

fn mistake(path: &Path, text: &str, span: Option<std::ops::Range<usize>>, why: &str) -> Error {
    let at = span.map_or(0, |span| span.start).min(text.len());
    let line = 1 + text[..at].matches('\n').count();
    let error = Error::usage(format!("reading {}:{line}", path.display()), why);
    match meant(why) {
        Some(name) => error.help(format!("did you mean {name}?")),
        None => error,
    }
}

/// The key nearest to an unknown one, from serde's words: "unknown field `miror`, expected `mirror` or `keyring`".
fn meant(why: &str) -> Option<&str> {
    let mut names = why.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    let wrong = names.next()?;
    nearest(wrong, names.map(|name| (name, name)))
}

impl File {
    fn parse(path: &Path, text: &str) -> Result<File> {
        toml::from_str(text).map_err(|error| mistake(path, text, error.span(), error.message()))
    }

    /// `None` where there is none.
    fn read(path: &Path) -> Result<Option<File>> {
        let doing = || format!("reading the configuration {}", path.display());
        match verify::small_text(path, MAX) {
            Ok(text) => {
                check(path)?;
                File::parse(path, &text).map(Some)
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(Error::io(doing(), error)),
        }
    }
}

impl Fetch {
    /// That of the system below this root directory; the defaults where there is no file.
    ///
    /// # Errors
    /// A file that cannot be read or has a mistake.
    pub fn load(root: &Path) -> Result<Fetch> {
        let file = beneath::real(root, Path::new(Host::CONFIG));
        let absent = |error: &std::io::Error| error.kind() == ErrorKind::NotFound;
        let file = match file {
            Err(error) if absent(&error) => return Ok(Fetch::default()),
            Err(error) => {
                let doing = format!("reading the configuration {} below {}", Host::CONFIG, root.display());
                return Err(Error::io(doing, error));
            }
            Ok(path) => File::read(&path)?,
        };
        Ok(file.map(|file| file.fetch).unwrap_or_default())
    }
}

impl Emulation {
    /// Those of the system's configuration and of the user's own, which goes before, by architecture as it is spelled there;
    /// `variable` reads the environment.
    ///
    /// # Errors
    /// A file that cannot be read or has a mistake.
    pub fn load(variable: impl Fn(&str) -> Option<OsString>) -> Result<Vec<(String, Emulation)>> {
        let set = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let own = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
        let files = own.map(|own| own.join("rbinfmt/config.toml")).into_iter().chain([Host::CONFIG.into()]);
        let mut all = Vec::new();
        for path in files {
            all.extend(File::read(&path)?.map(|file| file.emulation).unwrap_or_default());
        }
        Ok(all)
    }
}

/// The system's own file names mirrors and keyrings that root believes; one that was named on the command line is the caller's
/// word.
pub(crate) fn check(path: &Path) -> Result<()> {
    if path != Path::new(Host::CONFIG) {
        return Ok(());
    }
    trust::require(format!("reading the configuration {}", path.display()), path)
}

impl Config {
    /// Reads it.
    ///
    /// # Errors
    /// A file that is not there, cannot be read, or has a mistake.
    pub fn read(path: &Path) -> Result<Config> {
        check(path)?;
        let text = verify::small_text(path, MAX).map_err(|error| {
            let doing = format!("reading the configuration {}", path.display());
            let missing = error.kind() == ErrorKind::NotFound;
            let error = Error::io(doing, error).with_status(Status::Usage);
            if missing {
                error.help("name architectures (`rbinfmt install arm64`, `rbinfmt install all`), or write that file")
            } else {
                error
            }
        })?;
        Config::parse(path, &text)
    }

    /// Reads its text; `path` names it in errors.
    ///
    /// # Errors
    /// A mistake in the text, with its line; no `architectures`.
    pub fn parse(path: &Path, text: &str) -> Result<Config> {
        let File { architectures, emulators, credentials, .. } = File::parse(path, text)?;
        let Some(architectures) = architectures else {
            return Err(mistake(path, text, None, "there is no `architectures`")
                .help("name them: architectures = [\"arm64\"], or [\"all\"]"));
        };
        Ok(Config { architectures, emulators, credentials })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_understood_as_it_is_and_with_every_line_in_use() {
        let example = include_str!("../packaging/config.toml");
        let path = Path::new("example");
        let config = Config::parse(path, example).unwrap();
        assert!(config.credentials && config.emulators.is_empty());
        let settings = ["# emulators", "# credentials", "# [fetch]", "# mirror"];
        let used = settings.iter().fold(example.to_owned(), |text, line| text.replace(line, &line[2..]));
        assert_eq!(Config::parse(path, &used).unwrap().emulators.len(), 1);
        assert!(File::parse(path, &used).unwrap().fetch.mirror.is_some());
    }

    #[test]
    fn a_wrong_key_is_named_with_its_line_and_the_one_that_was_meant() {
        let wrong = |text| File::parse(Path::new("c"), text).err().unwrap();
        for (text, line, near) in [
            ("[fetch]\nmirror = \"http://a\"\nmiror = \"b\"\n", 3, Some("did you mean mirror?")),
            ("[fetch]\nregistry_mirrors = {}\n", 2, Some("did you mean registry-mirrors?")),
            ("\narchitecture = [\"arm64\"]\n", 2, Some("did you mean architectures?")),
            ("colour = 1\n", 1, None),
            ("[fetch]\n\nmirror = 1\n", 3, None),
        ] {
            let error = wrong(text);
            assert!(error.to_string().starts_with(&format!("reading c:{line}: ")), "{error}");
            assert_eq!(error.help_text(), near, "{error}");
        }
    }

    #[test]
    fn fetching_needs_no_architectures() {
        let path = Path::new("c");
        let text = "[fetch.registry-mirrors]\n\"docker.io\" = [\"https://mirror.example\"]\n";
        assert_eq!(File::parse(path, text).unwrap().fetch.registry_mirrors["docker.io"], ["https://mirror.example"]);
        let error = Config::parse(path, text).unwrap_err();
        assert_eq!(error.to_string(), "reading c:1: there is no `architectures`");
        assert_eq!(Fetch::load(Path::new("/nonexistent")).unwrap(), Fetch::default());
    }

    #[test]
    fn options_of_emulators_are_the_user_s_before_the_system_s() {
        let home = tempfile::tempdir().unwrap();
        let variable = |name: &str| (name == "HOME").then(|| home.path().into());
        assert_eq!(Emulation::load(variable).unwrap(), []);
        let write = |text: &str| {
            std::fs::create_dir_all(home.path().join(".config/rbinfmt")).unwrap();
            std::fs::write(home.path().join(".config/rbinfmt/config.toml"), text).unwrap();
        };
        write("[emulation.arm64]\ncpu = \"cortex-a53\"\nstack = 16777216\n[emulation.s390x]\nstrace = true\n");
        let cpu = Emulation { cpu: Some("cortex-a53".into()), stack: Some(16 << 20), strace: false };
        let strace = Emulation { strace: true, ..Emulation::default() };
        assert_eq!(Emulation::load(variable).unwrap(), [("arm64".to_owned(), cpu), ("s390x".to_owned(), strace)]);
        write("[emulation.arm64]\n\nmodel = \"cortex-a53\"\n");
        let error = Emulation::load(variable).unwrap_err();
        assert!(error.to_string().contains("config.toml:3: "), "{error}");
    }

    #[test]
    fn a_list_of_architectures_goes_into_what_there_is() {
        let path = Path::new("c");
        let archs = ["arm64".to_owned(), "s390x".to_owned()];
        let new = with_architectures(path, None, &archs).unwrap();
        assert_eq!(new, format!("{HEAD}architectures = [\"arm64\", \"s390x\"]\n"));
        let example = include_str!("../packaging/config.toml");
        let changed = with_architectures(path, Some(example), &archs).unwrap();
        let differing: Vec<_> = example.lines().zip(changed.lines()).filter(|(a, b)| a != b).map(|(_, b)| b).collect();
        assert_eq!(differing, [r#"architectures = ["arm64", "s390x"]"#]);
        assert_eq!(with_architectures(path, Some(&changed), &archs).unwrap(), changed);
        let cut = with_architectures(path, Some("credentials = true\narchitectures = ["), &archs).unwrap_err();
        assert!(cut.to_string().starts_with("reading c:2: "), "{cut}");
    }
}
