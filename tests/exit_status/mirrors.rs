//! Debian archives on loopback that are right, and wrong in one way each.

use std::fs;

use crate::common;
use crate::fetching::archive::{Key, Suite};
use crate::fetching::server::{Fault, Server};

/// How often a mirror that fails is asked, at the most.
const OFTEN: usize = 50;

/// They, until the test ends.
pub(crate) struct Mirrors {
    servers: Vec<(&'static str, Server)>,
    key: Key,
    _stranger: Key,
}

impl Mirrors {
    /// Each has one version of one emulator, that for arm64.
    pub(crate) fn start() -> Mirrors {
        let (key, stranger) = (Key::new(&[], "never"), Key::new(&[], "never"));
        let emulator = fs::read(common::fixtures().join("qemu/qemu-aarch64-static")).unwrap();
        let suite = |name, alias| Suite::new(name, alias, "1:1.0+ds-1", &[("aarch64", &emulator)]);
        let suites = [suite("trixie", "stable"), suite("trixie-backports", "stable-backports")];
        let start = |key: &Key, wrong: &dyn Fn(&Server)| {
            let server = Server::start();
            suites.iter().for_each(|suite| suite.publish(&server, key));
            wrong(&server);
            server
        };
        let always = |server: &Server, path: String, fault: Fault| server.fail(&path, &vec![fault; OFTEN]);
        let releases = |server: &Server, fault: &Fault| {
            for suite in &suites {
                for name in [suite.name, suite.alias] {
                    always(server, format!("/debian/dists/{name}/InRelease"), fault.clone());
                }
            }
        };
        let servers = vec![
            ("GOOD", start(&key, &|_| {})),
            ("FORGED", start(&stranger, &|_| {})),
            ("DAMAGED", start(&key, &|server| always(server, suites[0].deb_path(), Fault::Corrupt(1000)))),
            ("REFUSING", start(&key, &|server| releases(server, &Fault::Status(403)))),
            ("PORTAL", start(&key, &|server| releases(server, &Fault::Page("<html>Welcome</html>".into())))),
            ("EMPTY", Server::start()),
        ];
        Mirrors { servers, key, _stranger: stranger }
    }

    /// The options of rbinfmt for each, as variables.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (String, String)> {
        let options = |url: &str| format!("--mirror {url}/debian --keyring {}", self.key.keyring.display());
        self.servers.iter().map(move |(name, server)| (format!("MIRROR_{name}"), options(&server.url)))
    }
}
