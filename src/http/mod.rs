//! http and https: proxies, redirects, time limits, retries. Bodies are bounded by what the caller can use.

pub(crate) mod base64;
pub mod cache;
mod download;
mod fault;
mod forward;
mod login;
mod pace;
pub mod proxy;

use std::io::Read;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use ureq::http::{HeaderMap, StatusCode, Uri, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

pub use self::download::{Download, Missing};
pub(crate) use self::fault::{Fault, FaultKind, ok};
use self::fault::{of_transport, passing, web_page};
pub use self::login::Login;
use self::pace::{Deadline, Paced};
use self::proxy::Proxies;
use crate::backoff::Backoff;
use crate::error::{Error, Result};

/// How often a request is sent on to another place.
const MAX_REDIRECTS: usize = 8;

/// How patient the transport is.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether nothing may be asked of the network.
    pub offline: bool,
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the next byte comes.
    pub idle: Duration,
    /// Until all of a file is there, in addition to its size at the `average`, whatever is tried again on the way.
    pub grace: Duration,
    /// The lowest rate of a whole file: bytes in a second.
    pub average: u64,
    /// How many times a failed transfer is tried again without any progress in between.
    pub retries: u32,
    /// Before the first of those; each further pause is twice as long, up to [`Options::max_pause`].
    pub pause: Duration,
    /// No pause is longer, whatever a server asks for.
    pub max_pause: Duration,
    /// The proxies.
    pub proxies: Proxies,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            offline: false,
            connect: Duration::from_secs(15),
            idle: Duration::from_secs(30),
            grace: Duration::from_secs(600),
            average: 8000,
            retries: 4,
            pause: Duration::from_millis(500),
            max_pause: Duration::from_secs(30),
            proxies: Proxies::default(),
        }
    }
}

impl Options {
    /// The pauses before further tries of something that failed.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::tries(self.retries, self.pause, self.max_pause)
    }
}

/// Fetches over http and https.
#[derive(Debug)]
pub struct Client {
    options: Options,
    plain: OnceLock<Agent>,
    forwarded: OnceLock<Agent>,
    secure: OnceLock<Agent>,
    login: OnceLock<(String, String)>,
}

/// An answer whose status was read and whose body was not.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// The URL that answered, after redirects.
    pub(crate) url: String,
}

impl Client {
    /// A client; connections and certificates are looked for when they are first needed.
    pub fn new(options: Options) -> Self {
        resolve_without_plugins();
        Client {
            options,
            plain: OnceLock::new(),
            forwarded: OnceLock::new(),
            secure: OnceLock::new(),
            login: OnceLock::new(),
        }
    }

    /// Says who asks in every request for an address that begins with `below`. The first one stays.
    pub fn log_in(&self, below: &str, login: &Login) {
        let header = base64::basic(&login.name, &login.password);
        let _ = self.login.set((format!("{below}/"), header));
    }

    /// How patient it is.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// A whole small document of at most `limit` bytes; `None` where the server has no such thing.
    ///
    /// # Errors
    /// The network's errors after the last try, a status that means neither yes nor no, and a longer document.
    pub fn small(&self, url: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let doing = || format!("fetching {url}");
        let fetched = self.patiently(|| {
            let answer = self.request(url, &[])?;
            ok(&answer)?;
            self.body(answer, limit)
        });
        match fetched {
            Ok(bytes) => Ok(Some(bytes)),
            Err(fault) if fault.kind == FaultKind::Missing => Ok(None),
            Err(fault) => Err(self.explain(Error::failed(doing(), fault.why))),
        }
    }

    /// The answer's body, at most `limit` bytes.
    pub(crate) fn body(&self, mut answer: Answer, limit: u64) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        let length = content_length(&answer.headers);
        if let Some(length) = length.filter(|&length| length > limit) {
            return Err(Fault::lasting(format!("the server announces {length} bytes, the limit is {limit}")));
        }
        let body = self.paced(answer.body.as_reader(), limit);
        body.take(limit + 1).read_to_end(&mut bytes).map_err(|e| passing(&e))?;
        web_page(&answer.url, &answer.headers, &bytes)?;
        if bytes.len() as u64 > limit {
            return Err(Fault::lasting(format!("longer than the limit of {limit} bytes")));
        }
        Ok(bytes)
    }

    /// A body of at most `size` bytes, which is not waited for without end.
    pub(crate) fn paced<R: Read>(&self, body: R, size: u64) -> impl Read + use<R> {
        Paced::new(body, self.options.idle, Deadline::new(&self.options, size))
    }

    /// Tries until it works, fails in a way that lasts, has failed too often, or for too long.
    pub(crate) fn patiently<T>(&self, mut attempt: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
        let mut backoff = self.options.backoff();
        let began = Instant::now();
        loop {
            match attempt() {
                Err(fault) => match fault.kind {
                    FaultKind::Passing { retry_after }
                        if began.elapsed() < self.options.grace && backoff.wait(retry_after) => {}
                    FaultKind::Passing { .. } if backoff.failed() > 1 => {
                        let why = format!("{} (tried {} times)", fault.why, backoff.failed());
                        return Err(Fault { kind: FaultKind::Lasting, why, ..fault });
                    }
                    _ => return Err(fault),
                },
                done => return done,
            }
        }
    }

    /// Adds what to do about an error of the transport.
    pub(crate) fn explain(&self, error: Error) -> Error {
        if self.options.offline {
            return error.help("--offline uses only what is in the store's cache: fetch once without it");
        }
        error.help("check the network and the proxy variables, or use another source: --mirror URL, --from FILE")
    }

    /// Sends a GET, following redirects, but never from https to http.
    pub(crate) fn request(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer, Fault> {
        if self.options.offline {
            return Err(Fault::lasting("not in the cache, and --offline allows no access to the network".to_owned()));
        }
        let mut url = url.to_owned();
        let mut headers = headers.to_vec();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send(&url, &headers)?;
            if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            let place = answer.headers.get(header::LOCATION).and_then(|v| v.to_str().ok());
            let place = place.ok_or_else(|| Fault::lasting(format!("{} without a Location", answer.status)))?;
            let next = join(&url, place).map_err(Fault::lasting)?;
            if url.starts_with("https:") && !next.starts_with("https:") {
                return Err(Fault::lasting(format!(
                    "redirected from https to {next}: refused, as anybody could read and change it"
                )));
            }
            headers.retain(|(name, _)| may_follow(name, &url, &next));
            url = next;
        }
        Err(Fault::lasting(format!("more than {MAX_REDIRECTS} redirects, the last one to {url}")))
    }

    fn send(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer, Fault> {
        let uri: Uri = url.parse().map_err(|e| Fault::lasting(format!("not a URL: {e}")))?;
        let (scheme, host) = (uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
        if !matches!(scheme, "http" | "https") {
            return Err(Fault::lasting(format!("scheme {scheme:?} of {url}; expected http or https")));
        }
        let proxy = self.options.proxies.choose(scheme, host);
        let wrong = |why: &dyn std::fmt::Display| {
            Fault::lasting(format!("the proxy {}: {why}", proxy.as_deref().unwrap_or_default()))
        };
        let known = proxy.as_deref().map(ureq::Proxy::new).transpose().map_err(|e| wrong(&e))?;
        let forward = known.as_ref().filter(|p| scheme == "http" && p.protocol() == ureq::ProxyProtocol::Http);
        let mut request = if let Some(proxy) = forward {
            // The variables do not change while we run: there is one proxy for http.
            let agent =
                self.forwarded.get_or_init(|| forward::agent(self.config(RootCerts::WebPki), proxy.uri().clone()));
            let request = agent.get(uri);
            match proxy.username() {
                Some(name) => {
                    request.header("proxy-authorization", base64::basic(name, proxy.password().unwrap_or_default()))
                }
                None => request,
            }
        } else {
            let agent = match scheme {
                "http" => self.plain.get_or_init(|| self.config(RootCerts::WebPki).new_agent()),
                _ => self.secure.get_or_init(|| self.config(roots()).new_agent()),
            };
            agent.get(uri).config().proxy(known).build()
        };
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some((_, login)) = self.login.get().filter(|(below, _)| url.starts_with(below.as_str())) {
            request = request.header(header::AUTHORIZATION, login);
        }
        let response = request.call().map_err(of_transport)?;
        let (parts, body) = response.into_parts();
        Ok(Answer { status: parts.status, headers: parts.headers, body, url: url.to_owned() })
    }

    fn config(&self, roots: RootCerts) -> ureq::config::Config {
        Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(self.options.connect))
            // With a limit ureq looks a name up in a thread, and panics where the kernel makes none. The C library has
            // limits of its own (resolv.conf(5)).
            .timeout_resolve(None)
            .timeout_recv_response(Some(self.options.idle))
            .timeout_per_read(Some(self.options.idle))
            .timeout_per_write(Some(self.options.idle))
            .user_agent(concat!("rbinfmt/", env!("CARGO_PKG_VERSION")))
            .proxy(None)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build()
    }
}

/// A static glibc loads the host's NSS plugins when it resolves a name, and dies where they are of a newer glibc
/// (rust-lang/rust#100711). Files and DNS need none.
#[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
#[allow(unsafe_code)]
fn resolve_without_plugins() {
    use std::ffi::{c_char, c_int};
    unsafe extern "C" {
        fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
    }
    static ONCE: std::sync::Once = std::sync::Once::new();
    // SAFETY: both are C strings; glibc copies what it needs. No name is resolved before there is a client.
    ONCE.call_once(|| unsafe {
        __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr());
    });
}

#[cfg(not(all(target_env = "gnu", target_feature = "crt-static")))]
fn resolve_without_plugins() {}

/// The system's certificates (SSL_CERT_FILE and SSL_CERT_DIR count), or the built-in ones where it has none.
fn roots() -> RootCerts {
    let found: Vec<CertificateDer<'static>> = rustls_native_certs::load_native_certs().certs;
    if found.is_empty() {
        return RootCerts::WebPki;
    }
    RootCerts::new_with_certs(&found.iter().map(|c| Certificate::from_der(c).to_owned()).collect::<Vec<_>>())
}

pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// An absolute URL from one that may be relative to `base`.
pub(crate) fn join(base: &str, place: &str) -> Result<String, String> {
    let broken = || format!("redirected to {place:?}, which is not a URL");
    let (scheme, rest) = base.split_once("://").ok_or_else(broken)?;
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(host_end);
    let url = if place.contains("://") {
        place.to_owned()
    } else if let Some(other) = place.strip_prefix("//") {
        format!("{scheme}://{other}")
    } else if place.starts_with('/') {
        format!("{scheme}://{host}{place}")
    } else {
        let directory =
            path.split(['?', '#']).next().unwrap_or_default().rsplit_once('/').map_or("", |(directory, _)| directory);
        format!("{scheme}://{host}{directory}/{place}")
    };
    let url = url.split('#').next().unwrap_or_default().to_owned();
    url.parse::<Uri>().map_err(|_| broken())?;
    Ok(url)
}

/// Whether a header of the request to `from` is sent on to the place of a redirect: no other host sees a login.
fn may_follow(header: &str, from: &str, to: &str) -> bool {
    host_of(from) == host_of(to) || !header.eq_ignore_ascii_case("authorization")
}

fn host_of(url: &str) -> Option<&str> {
    url.split_once("://").map(|(_, rest)| &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_joined_as_browsers_do() {
        let base = "http://h:1/a/b?q";
        for (place, expected) in [
            ("https://o/x", "https://o/x"),
            ("//o/x", "http://o/x"),
            ("/x", "http://h:1/x"),
            ("x", "http://h:1/a/x"),
            ("x#frag", "http://h:1/a/x"),
        ] {
            assert_eq!(join(base, place).unwrap(), expected);
        }
        assert!(join(base, "http://[").is_err());
    }

    #[test]
    fn a_login_stays_with_its_host() {
        let from = "https://registry.example/v2/x";
        for (to, follows) in [
            ("https://registry.example/v3", true),
            ("https://blobs.example/x", false),
            ("https://registry.example:444/x", false),
            ("https://registry.example.other/x", false),
        ] {
            assert_eq!(may_follow("Authorization", from, to), follows, "{to}");
            assert!(may_follow("accept", from, to));
        }
    }
}
