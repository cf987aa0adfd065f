//! Who we are before a registry: ~/.docker/config.json, and what a WWW-Authenticate header asks for.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use http_auth::parse_challenges;
use serde::Deserialize;

use crate::error::{Doing, Error, Result};
use crate::http::base64;

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name; `<token>` says that the password is an identity token.
    pub name: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({}, ...)", self.name)
    }
}

impl Login {
    /// The value of an Authorization header.
    pub fn basic(&self) -> String {
        base64::basic(&self.name, &self.password)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct File {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

/// Where Docker keeps its configuration.
pub fn docker_config(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let directory = variable("DOCKER_CONFIG").or_else(|| variable("HOME").map(|home| home.join(".docker")))?;
    Some(directory.join("config.json"))
}

/// The login for a registry in that file; `None` where there is none.
///
/// # Errors
/// A file that cannot be read or is not Docker's; a helper program that cannot be run.
pub fn login(file: &Path, host: &str) -> Result<Option<Login>> {
    let doing = || format!("reading {}", file.display());
    let text = match std::fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(doing(), error)),
    };
    let file: File = serde_json::from_slice(&text).map_err(|e| Error::failed(doing(), e))?;
    let same = |key: &str| {
        let key = key.trim_start_matches("https://").trim_start_matches("http://");
        let key = key.split('/').next().unwrap_or_default();
        key == host || (host == "docker.io" && matches!(key, "index.docker.io" | "registry-1.docker.io"))
    };
    let key = || if host == "docker.io" { "https://index.docker.io/v1/".to_owned() } else { host.to_owned() };
    let helper = file.cred_helpers.iter().find(|(k, _)| same(k)).map(|(_, v)| v).or(file.creds_store.as_ref());
    if let Some(helper) = helper {
        return from_helper(helper, &key());
    }
    let Some((_, entry)) = file.auths.iter().find(|(k, _)| same(k)) else { return Ok(None) };
    if !entry.identitytoken.is_empty() {
        return Ok(Some(Login { name: "<token>".to_owned(), password: entry.identitytoken.clone() }));
    }
    if entry.auth.is_empty() {
        let login = Login { name: entry.username.clone(), password: entry.password.clone() };
        return Ok((!login.name.is_empty()).then_some(login));
    }
    let plain = base64::decode(&entry.auth).and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = plain.as_deref().and_then(|p| p.split_once(':'));
    let (name, password) = pair.ok_or_else(|| {
        Error::failed(doing(), format!("the login for {host} is broken")).help("`docker login` writes it again")
    })?;
    Ok(Some(Login { name: name.to_owned(), password: password.to_owned() }))
}

/// Asks Docker's helper program.
fn from_helper(helper: &str, key: &str) -> Result<Option<Login>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }
    let program = format!("docker-credential-{helper}");
    let doing = || format!("asking {program} for the login of {key}");
    if helper.is_empty() || helper.contains('/') {
        return Err(Error::failed(doing(), "not the name of a helper"));
    }
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .doing(doing)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(key.as_bytes()).doing(doing)?;
    }
    let output = child.wait_with_output().doing(doing)?;
    // It fails where it knows no login: then we are nobody, which is enough for public images.
    let answer: Option<Answer> = output.status.success().then(|| serde_json::from_slice(&output.stdout).ok()).flatten();
    Ok(answer.map(|a| Login { name: a.username, password: a.secret }))
}

/// What a registry wants before it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// Name and password.
    Basic,
    /// A token from this place.
    Bearer {
        /// Its URL.
        realm: String,
        /// For whom it is.
        service: Option<String>,
        /// What it is to allow.
        scope: Option<String>,
    },
}

impl Challenge {
    /// From a WWW-Authenticate header.
    pub fn parse(header: &str) -> Option<Self> {
        let challenges = parse_challenges(header).ok()?;
        let named = |name: &str| challenges.iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case(name));
        // A token shows the registry less than a password does.
        let Some(bearer) = named("bearer") else { return named("basic").map(|_| Challenge::Basic) };
        let field = |name: &str| {
            let found = bearer.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_unescaped())
        };
        Some(Challenge::Bearer { realm: field("realm")?, service: field("service"), scope: field("scope") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn challenges_of_real_registries() {
        let docker = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let Some(Challenge::Bearer { realm, service, scope }) = Challenge::parse(docker) else { panic!() };
        assert_eq!((realm.as_str(), service.as_deref()), ("https://auth.docker.io/token", Some("registry.docker.io")));
        assert_eq!(scope.as_deref(), Some("repository:a/b:pull,push"));
        assert_eq!(Challenge::parse("Basic realm=\"x\""), Some(Challenge::Basic));
        assert_eq!(Challenge::parse("Digest x=y"), None);
        let both = Challenge::parse(r#"Basic realm="r", Bearer realm="https://t/a\"b",scope=x"#);
        let bearer = Challenge::Bearer { realm: "https://t/a\"b".into(), service: None, scope: Some("x".into()) };
        assert_eq!(both, Some(bearer));
    }

    #[test]
    fn logins_of_a_docker_config() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.json");
        std::fs::write(
            &file,
            r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dTpwOnc="},"r:5000":{"identitytoken":"t"}}}"#,
        )
        .unwrap();
        assert_eq!(login(&file, "docker.io").unwrap(), Some(Login { name: "u".into(), password: "p:w".into() }));
        assert_eq!(login(&file, "r:5000").unwrap().unwrap().name, "<token>");
        assert_eq!(login(&file, "other").unwrap(), None);
        assert_eq!(login(&directory.path().join("none"), "docker.io").unwrap(), None);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text: String) {
            let _ = Challenge::parse(&text);
            let _ = Challenge::parse(&format!("Bearer {text}"));
        }
    }
}
