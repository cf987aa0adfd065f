//! A Debian mirror and a registry, from which the workers fetch the emulators that were built.

use std::fs;
use std::path::Path;

use crate::fetching::archive::{Key, Suite};
use crate::fetching::registry::Registry;
use crate::fetching::server::Server;
use crate::fetching::tar;
use crate::prepare::Remote;
use crate::world::ARCHS;

/// Both, until it is dropped.
pub(crate) struct Remotes {
    mirror: Server,
    _key: Key,
    registry: Option<Registry>,
}

impl Remotes {
    /// Serves what is below `given`: version one in the stable suite and in the registry, version two in the backports.
    pub(crate) fn start(given: &Path) -> Remotes {
        let mirror = Server::start();
        let key = Key::new(&[], "never");
        fs::copy(&key.keyring, given.join("keyring.pgp")).unwrap();
        let emulators = |version: &str| {
            ARCHS.map(|arch| fs::read(given.join(version).join(format!("qemu-{arch}-static"))).unwrap())
        };
        let suites = [
            ("trixie", "stable", "1:1.0+ds-1", emulators("one")),
            ("trixie-backports", "stable-backports", "1:2.0+ds-1~bpo13+1", emulators("two")),
        ];
        for (name, alias, version, bytes) in &suites {
            let members: Vec<(&str, &[u8])> = ARCHS.into_iter().zip(bytes.iter().map(Vec::as_slice)).collect();
            Suite::new(name, alias, version, &members).publish(&mirror, &key);
        }
        let registry = Registry::start("");
        if let Some(registry) = &registry {
            let names = ARCHS.map(|arch| format!("usr/bin/qemu-{arch}"));
            let members: Vec<(&str, &[u8])> =
                names.iter().map(String::as_str).zip(suites[0].3.iter().map(Vec::as_slice)).collect();
            registry.push("1", &[("tar", tar(&members))]);
        }
        Remotes { mirror, _key: key, registry }
    }

    pub(crate) fn addresses(&self) -> Remote {
        Remote {
            mirror: format!("{}/debian", self.mirror.url),
            registry: self.registry.as_ref().map_or_else(String::new, |registry| registry.host.clone()),
        }
    }
}
