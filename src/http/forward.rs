//! Plain http through an http proxy: the request names the whole URL and the proxy forwards it. ureq opens a tunnel
//! (CONNECT) for every URL, which proxies refuse for port 80 as a rule.
//!
//! Built on ureq's transport interface, which may change with its minor versions: Cargo.toml holds it there.

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, TcpConnector, Transport};

/// An agent whose requests all go to the proxy at this URL.
pub(super) fn agent(config: Config, proxy: Uri) -> ureq::Agent {
    let connector = ().chain(TcpConnector::default()).chain(Forward);
    ureq::Agent::with_parts(config, connector, ToProxy { proxy, resolver: DefaultResolver::default() })
}

/// Finds the proxy's address whatever host is asked for: names beyond a proxy are the proxy's to know.
#[derive(Debug)]
struct ToProxy {
    proxy: Uri,
    resolver: DefaultResolver,
}

impl Resolver for ToProxy {
    fn resolve(&self, _: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        self.resolver.resolve(&self.proxy, config, timeout)
    }
}

#[derive(Debug)]
struct Forward;

impl<In: Transport> Connector<In> for Forward {
    type Out = WholeUrl<In>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let host = details.uri.authority().map_or("", |a| a.as_str());
        let origin = format!("http://{host}").into_bytes();
        Ok(chained.map(|inner| WholeUrl { inner, origin, at_start: true }))
    }
}

/// Writes `GET http://host/path` where `GET /path` was to be written.
#[derive(Debug)]
struct WholeUrl<T> {
    inner: T,
    origin: Vec<u8>,
    /// Whether what is written next begins a request. Ours are GETs: they end with an empty line.
    at_start: bool,
}

impl<T: Transport> Transport for WholeUrl<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let output = self.inner.buffers().output();
        let ends = output[..amount].ends_with(b"\r\n\r\n");
        let mut more = 0;
        if std::mem::replace(&mut self.at_start, ends) && output[..amount].starts_with(b"GET ") {
            more = self.origin.len();
            if amount + more > output.len() {
                return Err(Error::Other("the request does not fit its buffer".into()));
            }
            output.copy_within(4..amount, 4 + more);
            output[4..4 + more].copy_from_slice(&self.origin);
        }
        self.inner.transmit_output(amount + more, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}
