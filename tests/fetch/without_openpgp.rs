//! A build without the feature `openpgp`: a Debian archive is refused before anything is asked of it.
#![allow(clippy::unwrap_used)]

use crate::common::archive::stable;
use crate::common::server::Server;
use crate::common::{World, emulator, these};
use rbinfmt::emulators::From;
use rbinfmt::verify::Digest;

#[test]
fn an_archive_is_refused_and_what_a_hash_pins_is_fetched() {
    let server = Server::start();
    let mut world = World::default();
    world.wish.flag = Some(format!("{}/debian", server.url));
    for keyring in [None, Some(world.write("keyring.pgp", b""))] {
        world.wish.keyring = keyring;
        let text = world.refusal(&these(&["arm"]), Some(&stable()));
        assert!(text.contains("this build cannot verify OpenPGP signatures"), "{text}");
        assert!(text.contains("--from docker://IMAGE@sha256:DIGEST"), "{text}");
    }
    assert!(server.requests().is_empty());

    let arm = emulator("arm", "10.0.3", 4000);
    let directory = world.write("emulators/qemu-arm", &arm).parent().unwrap().to_owned();
    world.write("emulators/SHA256SUMS", format!("{}  qemu-arm\n", Digest::of(&arm)).as_bytes());
    let found = world.ensure(&these(&["arm"]), Some(&From::Path(directory))).unwrap();
    assert_eq!(std::fs::read(&found[0].path).unwrap(), arm);
}
