//! Which mirror: the flag's, the configuration's, the host's own of apt, the built-in one. And whose keys count there.

use std::path::{Path, PathBuf};

use super::data::SETTINGS;
use super::deb822::Paragraph;
use crate::{beneath, verify};

/// A file of apt's sources has a few lines.
const MAX_SOURCES: u64 = 1 << 20;

/// A Debian-like archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Its root, without a slash at the end.
    pub url: String,
    /// The keyring for it; Debian's built-in one where there is none.
    pub keyring: Option<PathBuf>,
    /// The component with emulators in it.
    pub component: String,
    /// The host's own suites there; empty for Debian, whose suites have the same aliases everywhere.
    pub suites: Vec<String>,
    /// Who named it.
    pub named_by: String,
}

impl Mirror {
    /// A mirror of Debian's archive, or of the archive that `keyring` signs.
    pub fn new(url: &str, keyring: Option<PathBuf>, named_by: &str) -> Self {
        Mirror {
            url: url.trim_end_matches('/').to_owned(),
            keyring,
            component: "main".to_owned(),
            suites: Vec::new(),
            named_by: named_by.to_owned(),
        }
    }
}

/// What was asked for, before the host is looked at.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// `--mirror`
    pub flag: Option<String>,
    /// The configuration's.
    pub config: Option<String>,
    /// `--keyring`, or the configuration's.
    pub keyring: Option<PathBuf>,
}

/// The mirror to take. `root` is the host's root directory.
pub fn choose(wish: &Wish, root: &Path) -> Mirror {
    if let Some(url) = &wish.flag {
        return Mirror::new(url, wish.keyring.clone(), "--mirror");
    }
    if let Some(url) = &wish.config {
        return Mirror::new(url, wish.keyring.clone(), "the configuration");
    }
    let sources = apt_sources(root);
    let debian = sources.iter().find(|s| s.is_debian());
    let ubuntu = || ubuntu(&sources, root);
    if let Some(source) = debian {
        return Mirror::new(&source.url, wish.keyring.clone(), &source.file);
    }
    if let Some(mut mirror) = ubuntu() {
        mirror.keyring = wish.keyring.clone().or(mirror.keyring);
        return mirror;
    }
    Mirror::new(SETTINGS.mirror, wish.keyring.clone(), "built in")
}

/// One archive of apt's.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    url: String,
    suites: Vec<String>,
    components: Vec<String>,
    signed_by: Option<String>,
    file: String,
}

impl Source {
    fn last(&self) -> &str {
        self.url.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
    }

    /// Mirrors keep the archive in a directory "debian"; other archives of a Debian host have other names or keys.
    fn is_debian(&self) -> bool {
        let name = self.last() == "debian" && !self.url.contains("snapshot");
        let keys = self.signed_by.as_ref().is_none_or(|k| k.contains("debian-archive"));
        name && keys
            && self.components.iter().any(|c| c == "main")
            && !self.suites.iter().all(|s| s.ends_with("-security"))
    }

    fn is_ubuntu(&self) -> bool {
        matches!(self.last(), "ubuntu" | "ubuntu-ports") && self.components.iter().any(|c| c == "universe")
    }
}

/// Ubuntu: the host's suites, from universe, by the key that the host's own apt trusts. We ship none of its keys.
fn ubuntu(sources: &[Source], root: &Path) -> Option<Mirror> {
    let first = sources.iter().find(|s| s.is_ubuntu())?;
    let same = sources.iter().filter(|s| s.is_ubuntu() && s.url == first.url);
    let keyring = first.signed_by.clone().filter(|k| k.starts_with('/'));
    let keyring = keyring.unwrap_or_else(|| "/usr/share/keyrings/ubuntu-archive-keyring.gpg".to_owned());
    let mut suites: Vec<String> = same.flat_map(|s| s.suites.clone()).collect();
    suites.dedup();
    Some(Mirror {
        keyring: Some(beneath::real(root, Path::new(&keyring)).unwrap_or_else(|_| keyring.into())),
        component: "universe".to_owned(),
        suites,
        ..Mirror::new(&first.url, None, &first.file)
    })
}

/// apt's archives reachable over http and https, in both formats. What cannot be read is as if it were not there: it
/// is apt's to complain about.
fn apt_sources(root: &Path) -> Vec<Source> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    let directory = Path::new("/etc/apt/sources.list.d");
    let listing = beneath::real(root, directory).and_then(std::fs::read_dir);
    let mut parts: Vec<PathBuf> =
        listing.into_iter().flatten().flatten().map(|item| directory.join(item.file_name())).collect();
    parts.sort();
    files.extend(parts);
    let mut sources = Vec::new();
    for path in files {
        let text = beneath::real(root, &path).and_then(|real| verify::small_text(&real, MAX_SOURCES));
        let Ok(text) = text else { continue };
        let name = path.display().to_string();
        match path.extension().and_then(|e| e.to_str()) {
            Some("list") => sources.extend(text.lines().filter_map(|line| one_line(line, &name))),
            Some("sources") => {
                sources.extend(Paragraph::all(&text).unwrap_or_default().iter().flat_map(|p| stanza(p, &name)))
            }
            _ => {}
        }
    }
    sources.retain(|s| s.url.starts_with("http://") || s.url.starts_with("https://"));
    sources
}

/// `deb [signed-by=... arch=...] URL SUITE COMPONENT...`
fn one_line(line: &str, file: &str) -> Option<Source> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let rest = line.strip_prefix("deb")?.strip_prefix([' ', '\t'])?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let signed_by = options.split_ascii_whitespace().find_map(|o| o.strip_prefix("signed-by=")).map(str::to_owned);
    let mut words = rest.split_ascii_whitespace().map(str::to_owned);
    let (url, suite) = (words.next()?, words.next()?);
    Some(Source { url, suites: vec![suite], components: words.collect(), signed_by, file: file.to_owned() })
}

fn stanza(paragraph: &Paragraph, file: &str) -> Vec<Source> {
    let words = |name: &str| -> Vec<String> {
        paragraph.get(name).unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect()
    };
    let enabled =
        paragraph.get("Enabled").is_none_or(|v| !matches!(v, "no" | "false" | "0" | "off" | "without" | "disable"));
    if !enabled || !words("Types").iter().any(|t| t == "deb") {
        return Vec::new();
    }
    let signed_by = paragraph.get("Signed-By").map(|v| v.trim().to_owned()).filter(|v| !v.contains("-----BEGIN"));
    let of = |url| Source {
        url,
        suites: words("Suites"),
        components: words("Components"),
        signed_by: signed_by.clone(),
        file: file.to_owned(),
    };
    words("URIs").into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc/apt/sources.list.d")).unwrap();
        for (name, text) in files {
            std::fs::write(root.path().join("etc/apt").join(name), text).unwrap();
        }
        root
    }

    fn chosen(files: &[(&str, &str)], wish: &Wish) -> Mirror {
        choose(wish, host(files).path())
    }

    #[test]
    fn the_flag_goes_before_the_configuration_before_apt() {
        let list = ("sources.list", "deb http://m.example/debian trixie main\n");
        let wish =
            Wish { flag: Some("http://a/debian/".into()), config: Some("http://b/debian".into()), keyring: None };
        assert_eq!(chosen(&[list], &wish).url, "http://a/debian");
        assert_eq!(chosen(&[list], &Wish { flag: None, ..wish }).url, "http://b/debian");
        assert_eq!(chosen(&[list], &Wish::default()).url, "http://m.example/debian");
        assert_eq!(chosen(&[], &Wish::default()).named_by, "built in");
    }

    #[test]
    fn both_formats_of_apt() {
        let old = "# deb http://off/debian x main\ndeb-src http://src/debian x main\ndeb http://sec/debian-security trixie-security main\n\
                   deb [arch=amd64 signed-by=/usr/share/keyrings/other.gpg] http://other/debian trixie main\n\
                   deb [arch=amd64] http://m.example/debian/ trixie main contrib # mine\n";
        assert_eq!(chosen(&[("sources.list", old)], &Wish::default()).url, "http://m.example/debian");
        let new = "Types: deb\nURIs: http://off/debian\nSuites: x\nComponents: main\nEnabled: no\n\n\
                   Types: deb deb-src\nURIs: http://n.example/debian\nSuites: trixie trixie-updates\nComponents: main\n\
                   Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n";
        let mirror = chosen(&[("sources.list.d/debian.sources", new)], &Wish::default());
        assert_eq!(
            (mirror.url.as_str(), mirror.named_by.as_str()),
            ("http://n.example/debian", "/etc/apt/sources.list.d/debian.sources")
        );
        assert_eq!(mirror.keyring, None);
    }

    #[test]
    fn ubuntu_keeps_its_suites_and_its_key() {
        let text = "Types: deb\nURIs: http://u.example/ubuntu/\nSuites: noble noble-updates\nComponents: main universe\n\
                    Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg\n";
        let mirror = chosen(&[("sources.list.d/ubuntu.sources", text)], &Wish::default());
        assert_eq!((mirror.component.as_str(), mirror.suites.join(" ").as_str()), ("universe", "noble noble-updates"));
        assert!(mirror.keyring.unwrap().ends_with("usr/share/keyrings/ubuntu-archive-keyring.gpg"));
    }
}
