//! Names of images: `[HOST/]REPOSITORY[:TAG][@DIGEST]`.

use std::fmt;

use crate::error::{Error, Result};
use crate::verify::Digest;

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The registry, as people write it: "docker.io".
    pub host: String,
    /// "tonistiigi/binfmt"
    pub repository: String,
    /// "latest" where neither tag nor digest is named.
    pub tag: Option<String>,
    /// What pins it.
    pub digest: Option<Digest>,
}

impl Reference {
    /// From what follows `docker://`.
    ///
    /// # Errors
    /// A text that is not the name of an image, with the part that is wrong.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::usage(format!("reading the image name {text:?}"), why)
                .help("for example docker://docker.io/tonistiigi/binfmt:qemu-v10.2.3")
        };
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                let hex = digest.strip_prefix("sha256:").ok_or_else(|| wrong("a digest starts with sha256:"))?;
                (name, Some(Digest::parse(hex).ok_or_else(|| wrong("a digest has 64 hex digits"))?))
            }
            None => (text, None),
        };
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag.to_owned())),
            _ => (name, None),
        };
        let (host, repository) = match name.split_once('/') {
            // Docker's rule: a host has a dot or a port, or is localhost.
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest.to_owned()),
            Some(_) => ("docker.io", name.to_owned()),
            None => ("docker.io", format!("library/{name}")),
        };
        let part = |p: &str| {
            !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
        };
        if !repository.split('/').all(|p| part(p) && p != "." && p != "..") {
            return Err(wrong("a repository is made of lower-case names with / between them"));
        }
        if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b)) {
            return Err(wrong("its registry is not a host"));
        }
        let word = |t: &String| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if tag.as_ref().is_some_and(|t| !word(t)) {
            return Err(wrong("a tag is one word"));
        }
        let host = if host == "index.docker.io" { "docker.io" } else { host };
        let tag = if tag.is_none() && digest.is_none() { Some("latest".to_owned()) } else { tag };
        Ok(Reference { host: host.to_owned(), repository, tag, digest })
    }

    /// What a registry is asked for: the digest where there is one, else the tag.
    pub fn target(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => format!("sha256:{digest}"),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }

    /// The same image, pinned.
    pub fn pinned(&self, digest: Digest) -> Self {
        Reference { digest: Some(digest), ..self.clone() }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@sha256:{digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_docker_reads_them() {
        let digest = Digest::of(b"").hex();
        for (text, shown) in [
            ("binfmt", "docker.io/library/binfmt:latest".to_owned()),
            ("tonistiigi/binfmt:qemu-v10.2.3", "docker.io/tonistiigi/binfmt:qemu-v10.2.3".to_owned()),
            ("localhost:5000/a/b", "localhost:5000/a/b:latest".to_owned()),
            (&format!("ghcr.io/a/b@sha256:{digest}"), format!("ghcr.io/a/b@sha256:{digest}")),
        ] {
            assert_eq!(Reference::parse(text).unwrap().to_string(), shown);
        }
        for wrong in ["", "A/b", "h.io/../x", "a@sha256:12", "a@md5:12", "a:b c", "h.io/a:"] {
            assert!(Reference::parse(wrong).is_err(), "{wrong}");
        }
    }
}
