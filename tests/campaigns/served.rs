//! An emulator on a server, as a Debian mirror and as a registry have it, and what came of fetching it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use rbinfmt::emulators::From;
use rbinfmt::http::Options;
use rbinfmt::oci::reference::Reference;
use rbinfmt::verify::Digest;
use serde_json::json;

use crate::common::archive::{self, Key, Suite};
use crate::common::server::Server;
use crate::common::{World, emulator, these};
use crate::make::{self, Layer};

const ARCH: &str = "arm";
const SIZE: usize = 40_000;

/// Where something is fetched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mirror,
    Registry,
}

/// What is served, all of it true.
pub(crate) struct Served {
    kind: Kind,
    /// Those that a fetch asks for, in its order.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    keyring: PathBuf,
}

/// A key lives as long as its directory.
pub(crate) struct Both {
    _key: Key,
    pub(crate) mirror: Served,
    pub(crate) registry: Served,
}

impl Both {
    pub(crate) fn make() -> Both {
        let key = Key::new(&[], "never");
        let keyring = key.keyring.clone();
        let server = Server::start();
        Suite::new("trixie", "stable", "1:1.0+ds-1", &[(ARCH, &truth())]).publish(&server, &key);
        let mirror = Served::what_is_asked(Kind::Mirror, &keyring, server);
        let server = Server::start();
        put_image(&server);
        let registry = Served::what_is_asked(Kind::Registry, &keyring, server);
        Both { _key: key, mirror, registry }
    }
}

/// The emulator.
pub(crate) fn truth() -> Vec<u8> {
    emulator(ARCH, "1.0", SIZE)
}

/// The emulator as the one file of an image, for a registry.
fn put_image(server: &Server) {
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    let image = make::image(
        &format!("linux/{}", make::OWN),
        &[],
        vec![Layer::new().file(&format!("usr/bin/qemu-{ARCH}"), 0o755, truth())],
    );
    let (blobs, listed, manifest) = image.parts();
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed]}).to_string();
    server.put("/v2/emu/manifests/1", index.as_bytes());
    server.put(&format!("/v2/emu/manifests/sha256:{}", Digest::of(&manifest)), &manifest);
    for blob in blobs {
        server.put(&format!("/v2/emu/blobs/sha256:{}", Digest::of(&blob)), &blob);
    }
}

impl Served {
    fn what_is_asked(kind: Kind, keyring: &std::path::Path, server: Server) -> Served {
        let mut served = Served { kind, files: Vec::new(), keyring: keyring.to_owned() };
        assert_eq!(served.fetch(&served.world(&server), &server), Came::Whole);
        served.files = server.requests().into_iter().map(|path| (path.clone(), server.get(&path))).collect();
        served
    }

    /// A server with all of it.
    pub(crate) fn serve(&self) -> Server {
        let server = Server::start();
        self.files.iter().for_each(|(path, bytes)| server.put(path, bytes));
        server
    }

    /// A store of its own, whose fetches have all the time that they want.
    pub(crate) fn world(&self, server: &Server) -> World {
        let mut world = World::default();
        world.wish.flag = Some(format!("{}/debian", server.url));
        world.wish.keyring = Some(self.keyring.clone());
        patient(&mut world);
        world
    }

    pub(crate) fn fetch(&self, world: &World, server: &Server) -> Came {
        let from = match self.kind {
            Kind::Mirror => archive::stable(),
            Kind::Registry => From::Registry(Reference::parse(&format!("{}/emu:1", server.host())).unwrap()),
        };
        fetch(world, &from)
    }
}

/// Nothing here is slow but the machine.
pub(crate) fn patient(world: &mut World) {
    let long = Duration::from_secs(300);
    world.options = Options { connect: long, idle: long, grace: long, ..world.options.clone() };
}

/// What came of a fetch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// The emulator, as it is.
    Whole,
    /// An error; the store has nothing.
    Refused(String),
    /// What must not be.
    Wrong(String),
}

pub(crate) fn fetch(world: &World, from: &From) -> Came {
    let fetched = catch_unwind(AssertUnwindSafe(|| (world.ensure(&these(&[ARCH]), Some(from)), world.valid())));
    match fetched {
        Err(_) => Came::Wrong("a panic, or a store that lies".into()),
        Ok((Ok(found), _)) if found.iter().any(|one| std::fs::read(&one.path).is_ok_and(|came| came == truth())) => {
            Came::Whole
        }
        Ok((Ok(found), _)) => Came::Wrong(format!("something else: {found:?}")),
        Ok((Err(error), valid)) if valid.is_empty() => Came::Refused(error.to_string()),
        Ok((Err(error), valid)) => Came::Wrong(format!("{error}, and the store has {valid:?}")),
    }
}
