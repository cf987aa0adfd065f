//! What people write for an image, as containers-transports(5) has it.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::oci::reference::Reference;

/// Where an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// In Docker's own store.
    DockerDaemon(String),
    /// In a file that `docker save` wrote, and under which name.
    DockerArchive(PathBuf, Option<String>),
    /// In a directory in OCI's layout, and under which tag.
    Oci(PathBuf, Option<String>),
    /// The same in a tar.
    OciArchive(PathBuf, Option<String>),
    /// In a registry.
    Registry(Reference),
    /// In the store of Podman, Buildah and CRI-O.
    Storage(String),
    /// In one of the stores of this machine.
    Local(String),
    /// There, or else in a registry.
    Any(String),
}

impl Name {
    /// An image by its transport; `None` for a text that names none.
    pub fn parse(text: &str) -> Option<Result<Self>> {
        if let Some(reference) = text.strip_prefix("docker://") {
            return Some(Reference::parse(reference).map(Name::Registry));
        }
        let (transport, rest) = text.split_once(':')?;
        let make: fn(&str) -> Name = match transport {
            "docker-daemon" => |rest| Name::DockerDaemon(rest.to_owned()),
            "containers-storage" => |rest| Name::Storage(rest.to_owned()),
            "docker-archive" => |rest| with_name(rest, Name::DockerArchive),
            "oci-archive" => |rest| with_name(rest, Name::OciArchive),
            "oci" => |rest| with_name(rest, Name::Oci),
            _ => return None,
        };
        if rest.is_empty() {
            let error = Error::usage(format!("reading the image name {text:?}"), "nothing follows the transport");
            return Some(Err(error.help("for example docker-daemon:app:1, oci:DIR, docker-archive:FILE")));
        }
        Some(Ok(make(rest)))
    }

    /// A text without a transport that can be meant as an image: with a tag, a digest or a slash, and no path.
    pub fn bare(text: &str) -> Option<Self> {
        let is_path = text.starts_with(['/', '.', '-', '~']) || text.ends_with('/');
        if is_path || Reference::parse(text).is_err() {
            return None;
        }
        let is_plain = !text.contains([':', '@', '/']);
        Some(if is_plain { Name::Local(text.to_owned()) } else { Name::Any(text.to_owned()) })
    }
}

/// `FILE[:NAME]`, as file names with a colon are rare.
fn with_name(text: &str, make: fn(PathBuf, Option<String>) -> Name) -> Name {
    match text.split_once(':') {
        Some((path, name)) if !name.is_empty() && !Path::new(text).exists() => make(path.into(), Some(name.to_owned())),
        _ => make(text.into(), None),
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut file = |transport: &str, path: &Path, name: &Option<String>| {
            write!(f, "{transport}:{}", path.display())?;
            name.as_ref().map_or(Ok(()), |name| write!(f, ":{name}"))
        };
        match self {
            Name::DockerArchive(path, name) => file("docker-archive", path, name),
            Name::Oci(path, name) => file("oci", path, name),
            Name::OciArchive(path, name) => file("oci-archive", path, name),
            Name::DockerDaemon(reference) => write!(f, "docker-daemon:{reference}"),
            Name::Storage(reference) => write!(f, "containers-storage:{reference}"),
            Name::Registry(reference) => write!(f, "docker://{reference}"),
            Name::Local(reference) | Name::Any(reference) => f.write_str(reference),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transports_and_bare_names() {
        let shown = |text: &str| Name::parse(text).map(|name| name.unwrap().to_string());
        for text in ["docker-daemon:a:1", "oci:x/y", "oci:x:tag", "docker-archive:f.tar:a:1", "oci-archive:f.tar"] {
            assert_eq!(shown(text).as_deref(), Some(text));
        }
        assert_eq!(shown("docker://a").as_deref(), Some("docker://docker.io/library/a:latest"));
        let archive = Name::parse("docker-archive:f.tar:a:1").unwrap().unwrap();
        assert_eq!(archive, Name::DockerArchive("f.tar".into(), Some("a:1".into())));
        assert!(
            Name::parse("oci:").unwrap().is_err() && Name::parse("/bin/sh").is_none() && Name::parse("a:1").is_none()
        );
        let bare = |text: &str| Name::bare(text);
        assert_eq!(bare("ls"), Some(Name::Local("ls".into())));
        assert_eq!(bare("alpine:3"), Some(Name::Any("alpine:3".into())));
        assert_eq!(bare("ghcr.io/a/b"), Some(Name::Any("ghcr.io/a/b".into())));
        for path in ["./x", "/x", "../x", "A", "a b", "-x", "x/"] {
            assert_eq!(bare(path), None, "{path}");
        }
    }
}
