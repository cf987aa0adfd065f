//! Which proxy a URL goes through, read from the environment as curl reads it.

use std::net::IpAddr;

/// The proxy variables. One difference to curl: HTTP_PROXY in capitals counts too, unless this is a CGI program
/// (REQUEST_METHOD is set), where anybody's request header would become that variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<String>,
    https: Option<String>,
    all: Option<String>,
    none: Vec<String>,
}

impl Proxies {
    /// As `variable` tells their values.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let of = |names: &[&str]| names.iter().find_map(|name| variable(name)).filter(|value| !value.is_empty());
        let http = match variable("REQUEST_METHOD") {
            None => of(&["http_proxy", "HTTP_PROXY"]),
            Some(_) => of(&["http_proxy"]),
        };
        let none = of(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
        Proxies {
            http,
            https: of(&["https_proxy", "HTTPS_PROXY"]),
            all: of(&["all_proxy", "ALL_PROXY"]),
            none: none.split([',', ' ', '\t']).filter(|p| !p.is_empty()).map(str::to_ascii_lowercase).collect(),
        }
    }

    /// This process's own.
    pub fn of_environment() -> Self {
        Proxies::read(|name| std::env::var(name).ok())
    }

    /// The proxy for a URL of this scheme and host, as a URL.
    pub fn choose(&self, scheme: &str, host: &str) -> Option<String> {
        let own = if scheme == "https" { &self.https } else { &self.http };
        let proxy = own.as_ref().or(self.all.as_ref())?;
        if self.excepted(host) {
            return None;
        }
        Some(if proxy.contains("://") { proxy.clone() } else { format!("http://{proxy}") })
    }

    fn excepted(&self, host: &str) -> bool {
        if self.none == ["*"] {
            return true;
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        self.none.iter().any(|pattern| match address {
            Some(address) => covers(pattern, address),
            None => {
                let name = pattern.trim_start_matches('.').trim_end_matches('.');
                host == name || host.strip_suffix(name).is_some_and(|rest| !name.is_empty() && rest.ends_with('.'))
            }
        })
    }
}

/// Whether a pattern (`10.0.0.0/8`, `::1`, `[::1]`) covers an address.
fn covers(pattern: &str, address: IpAddr) -> bool {
    let (network, bits) = pattern.split_once('/').unwrap_or((pattern, ""));
    let Ok(network) = network.trim_matches(['[', ']']).parse::<IpAddr>() else { return false };
    let (network, address, width) = match (network, address) {
        (IpAddr::V4(n), IpAddr::V4(a)) => (u128::from(n.to_bits()), u128::from(a.to_bits()), 32),
        (IpAddr::V6(n), IpAddr::V6(a)) => (n.to_bits(), a.to_bits(), 128),
        _ => return false,
    };
    let bits = if bits.is_empty() { Some(width) } else { bits.parse::<u32>().ok().filter(|&b| b <= width) };
    bits.is_some_and(|bits| bits == 0 || (network ^ address) >> (width - bits) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::read(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn each_scheme_has_its_own_and_all_is_the_rest() {
        let p = proxies(&[("http_proxy", "a:1"), ("HTTPS_PROXY", "http://b:2"), ("ALL_PROXY", "socks5h://c")]);
        assert_eq!(p.choose("http", "x").as_deref(), Some("http://a:1"));
        assert_eq!(p.choose("https", "x").as_deref(), Some("http://b:2"));
        assert_eq!(proxies(&[("ALL_PROXY", "socks5h://c")]).choose("https", "x").as_deref(), Some("socks5h://c"));
        assert_eq!(proxies(&[("https_proxy", "")]).choose("https", "x"), None);
    }

    #[test]
    fn a_cgi_program_does_not_believe_http_proxy() {
        assert!(proxies(&[("HTTP_PROXY", "a:1")]).choose("http", "x").is_some());
        assert_eq!(proxies(&[("HTTP_PROXY", "a:1"), ("REQUEST_METHOD", "GET")]).choose("http", "x"), None);
    }

    #[test]
    fn exceptions_are_domains_addresses_and_networks() {
        let p = proxies(&[("http_proxy", "a:1"), ("NO_PROXY", "Example.org, .corp  10.0.0.0/8,[::1],192.168.1.7")]);
        for direct in ["example.org", "www.EXAMPLE.org.", "x.corp", "corp", "10.9.8.7", "[::1]", "192.168.1.7"] {
            assert_eq!(p.choose("http", direct), None, "{direct}");
        }
        for through in ["notexample.org", "xcorp", "11.0.0.1", "::2", "192.168.1.70"] {
            assert!(p.choose("http", through).is_some(), "{through}");
        }
        assert_eq!(proxies(&[("http_proxy", "a:1"), ("no_proxy", "*")]).choose("http", "x"), None);
    }
}
