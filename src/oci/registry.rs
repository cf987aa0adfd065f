//! A registry (OCI distribution v1.1), or a mirror of it: pulls manifests and blobs, each verified by its digest.

use std::io::Read;
use std::sync::Mutex;

use serde::Deserialize;
use ureq::http::StatusCode;

use super::access::Endpoint;
use super::auth::{Challenge, Login};
use super::document::{INDEX_TYPES, MANIFEST_TYPES, MAX_DOCUMENT};
use super::reference::Reference;
use super::{Blob, Parts, Stored, escape};
use crate::archive::{self, Stream};
use crate::error::{Doing, Error, Result};
use crate::http::cache::{Cache, Places};
use crate::http::{Answer, Client, Fault, FaultKind, ok};
use crate::progress::Progress;
use crate::verify::{Digest, Expected};

/// Tokens are a few kilobytes.
const MAX_TOKEN: u64 = 256 << 10;

/// One host that is asked for a repository.
pub struct Registry<'a> {
    client: &'a Client,
    cache: Cache,
    progress: &'a dyn Progress,
    /// `https://registry-1.docker.io`
    base: String,
    repository: String,
    login: Option<Login>,
    authorization: Mutex<Option<String>>,
}

/// The hosts to ask for a registry's images: its configured mirrors, then itself.
pub fn endpoints(host: &str, mirrors: &[String]) -> Vec<String> {
    let own = if host == "docker.io" { "registry-1.docker.io" } else { host };
    mirrors.iter().map(String::as_str).chain([own]).map(base).collect()
}

/// A registry on this very machine may speak plain http, as Docker has it; all others speak https.
fn base(host: &str) -> String {
    if host.contains("://") {
        return host.trim_end_matches('/').to_owned();
    }
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(name, _)| name);
    let local =
        name == "localhost" || name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|a| a.is_loopback());
    format!("{}://{host}", if local { "http" } else { "https" })
}

impl<'a> Registry<'a> {
    /// This host, asked for the repository of `reference`.
    pub(crate) fn new(
        client: &'a Client,
        cache: Cache,
        progress: &'a dyn Progress,
        endpoint: Endpoint,
        reference: &Reference,
    ) -> Self {
        let (repository, Endpoint { base, login }) = (reference.repository.clone(), endpoint);
        Registry { client, cache, progress, base, repository, login, authorization: Mutex::new(None) }
    }

    /// The manifest or index that a reference names, its digest, and its bytes verified by that where it was named.
    ///
    /// # Errors
    /// The network's errors, what the registry refuses, and bytes that are not what the digest says.
    pub fn resolve(&self, reference: &Reference) -> Result<(Digest, Vec<u8>)> {
        let target = reference.target();
        if self.client.options().offline
            && let Some(digest) = reference.digest
        {
            let bytes = self.cache.kept(&kept(digest), MAX_DOCUMENT).filter(|b| Digest::of(b) == digest);
            return bytes.map(|bytes| (digest, bytes)).ok_or_else(|| {
                self.client.explain(Error::failed(format!("fetching {reference}"), "its manifest is not in the cache"))
            });
        }
        let bytes = self.document_at(&target)?;
        let came = Digest::of(&bytes);
        if let Some(digest) = reference.digest {
            Expected { sha256: digest, size: bytes.len() as u64 }.check(reference, &Expected::of(&bytes))?;
        }
        self.cache.keep(&kept(came), &bytes)?;
        Ok((came, bytes))
    }

    fn document_at(&self, target: &str) -> Result<Vec<u8>> {
        let url = format!("{}/v2/{}/manifests/{target}", self.base, self.repository);
        let accept = [INDEX_TYPES, MANIFEST_TYPES].concat().join(", ");
        let fetched = self.client.patiently(|| {
            let answer = self.ask(&url, &accept)?;
            ok(&answer)?;
            self.client.body(answer, MAX_DOCUMENT)
        });
        fetched.map_err(|fault| self.explain(&url, &fault))
    }

    fn explain(&self, url: &str, fault: &Fault) -> Error {
        let error = Error::failed(format!("fetching {url}"), &fault.why);
        match fault.status {
            Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                error.help("a private image needs `docker login`; a public one may be misspelt")
            }
            Some(StatusCode::TOO_MANY_REQUESTS) => {
                error.help("the registry's rate limit is reached: wait, log in, or name a mirror in config.toml ([fetch.registry-mirrors])")
            }
            _ if fault.kind == FaultKind::Missing => error.help("the registry has no such image or tag"),
            _ => self.client.explain(error),
        }
    }

    /// A blob of at most `size` bytes as it comes: nothing is kept or verified.
    pub(crate) fn blob(&self, digest: &str, size: u64) -> Result<impl std::io::Read + use<>> {
        let url = format!("{}/v2/{}/blobs/{digest}", self.base, self.repository);
        self.progress.step(&format!("reading {url}"));
        let fetched = self.client.patiently(|| {
            let answer = self.ask(&url, "*/*")?;
            ok(&answer)?;
            Ok(self.client.paced(answer.body.into_reader(), size))
        });
        fetched.map_err(|fault| self.explain(&url, &fault))
    }

    /// One request; where the registry wants to know who asks, the same again with a token.
    fn ask(&self, url: &str, accept: &str) -> Result<Answer, Fault> {
        let known = self.authorization();
        let answer = self.with(url, accept, known.as_deref())?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let header = answer.headers.get("www-authenticate").and_then(|v| v.to_str().ok()).unwrap_or_default();
        let Some(authorization) = self.authorize(&answer.url, header)? else { return Ok(answer) };
        *self.authorization.lock().unwrap_or_else(|p| p.into_inner()) = Some(authorization.clone());
        self.with(url, accept, Some(&authorization))
    }

    fn authorization(&self) -> Option<String> {
        self.authorization.lock().unwrap_or_else(|p| p.into_inner()).clone()
    }

    fn with(&self, url: &str, accept: &str, authorization: Option<&str>) -> Result<Answer, Fault> {
        let mut headers = vec![("accept", accept)];
        headers.extend(authorization.map(|a| ("authorization", a)));
        self.client.request(url, &headers)
    }

    fn authorize(&self, asked: &str, header: &str) -> Result<Option<String>, Fault> {
        let (realm, service, scope) = match Challenge::parse(header) {
            None => return Ok(None),
            Some(Challenge::Basic) => return Ok(self.login.as_ref().map(Login::basic)),
            Some(Challenge::Bearer { realm, service, scope }) => (realm, service, scope),
        };
        // A password must not travel in the clear because a header says so.
        if asked.starts_with("https:") && !realm.starts_with("https:") {
            return Err(Fault::lasting(format!("the registry sends us to {realm} for a token, which is not https")));
        }
        let scope = scope.unwrap_or_else(|| format!("repository:{}:pull", self.repository));
        let mut url = format!("{realm}{}scope={}", if realm.contains('?') { '&' } else { '?' }, escape(&scope));
        if let Some(service) = service {
            url.push_str(&format!("&service={}", escape(&service)));
        }
        // An identity token is traded for an access token by POST in OAuth's way; registries also take it as a password.
        let basic = self.login.as_ref().map(Login::basic);
        let headers: Vec<(&str, &str)> = basic.iter().map(|b| ("authorization", b.as_str())).collect();
        let answer = self.client.request(&url, &headers)?;
        ok(&answer).map_err(|fault| match fault.kind {
            FaultKind::Missing | FaultKind::Lasting => {
                Fault { kind: FaultKind::Lasting, why: format!("no token from {realm}: {}", fault.why), ..fault }
            }
            FaultKind::Passing { .. } => fault,
        })?;
        let token: Token = serde_json::from_slice(&self.client.body(answer, MAX_TOKEN)?)
            .map_err(|e| Fault::lasting(format!("no token from {realm}: {e}")))?;
        let token =
            token.token.or(token.access_token).ok_or_else(|| Fault::lasting(format!("no token from {realm}")))?;
        Ok(Some(format!("Bearer {token}")))
    }
}

impl Parts for Registry<'_> {
    fn document(&mut self, blob: &Blob) -> Result<Vec<u8>> {
        let (digest, expected) = blob.digest()?;
        let known = self.cache.kept(&kept(expected.sha256), MAX_DOCUMENT).filter(|b| Expected::of(b) == expected);
        let bytes = match known {
            Some(bytes) => bytes,
            None => self.document_at(&digest)?,
        };
        expected.check(format!("{}/v2/{}/manifests/{digest}", self.base, self.repository), &Expected::of(&bytes))?;
        self.cache.keep(&kept(expected.sha256), &bytes)?;
        Ok(bytes)
    }

    fn config(&mut self, blob: &Blob) -> Result<Vec<u8>> {
        let (digest, expected) = blob.digest()?;
        let mut bytes = Vec::new();
        let body = self.blob(&digest, expected.size)?;
        body.take(expected.size.saturating_add(1)).read_to_end(&mut bytes).doing(|| format!("reading {digest}"))?;
        expected.check(format!("{}/v2/{}/blobs/{digest}", self.base, self.repository), &Expected::of(&bytes))?;
        Ok(bytes)
    }
}

impl Stored for Registry<'_> {
    fn tar(&mut self, blob: &Blob, jobs: usize) -> Result<Stream> {
        let (digest, expected) = blob.digest()?;
        let url = format!("{}/v2/{}/blobs/{digest}", self.base, self.repository);
        self.progress.step(&format!("fetching {url}"));
        let authorization = self.authorization();
        let headers: Vec<(&str, &str)> = authorization.iter().map(|a| ("authorization", a.as_str())).collect();
        let path =
            self.cache.file(self.client, &Places { urls: &[url], headers: &headers }, &expected, self.progress)?;
        archive::open_verified(&path, jobs)
    }
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

fn kept(digest: Digest) -> String {
    format!("manifest-{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_come_first_and_only_loopback_is_plain() {
        assert_eq!(
            endpoints("docker.io", &["m.example".into(), "http://n/".into()]),
            ["https://m.example", "http://n", "https://registry-1.docker.io"]
        );
        assert_eq!(endpoints("127.0.0.1:5000", &[]), ["http://127.0.0.1:5000"]);
        assert_eq!(endpoints("[::1]:5000", &[]), ["http://[::1]:5000"]);
        assert_eq!(endpoints("127.0.0.1.example:5000", &[]), ["https://127.0.0.1.example:5000"]);
        assert_eq!(endpoints("ghcr.io", &[]), ["https://ghcr.io"]);
    }
}
