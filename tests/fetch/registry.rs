//! Images in a real registry: Debian's docker-registry, started here.
#![allow(clippy::unwrap_used)]

use crate::common::registry::Registry;
use crate::common::server::{Fault, Server};
use crate::common::{World, emulator, pipe, tar, these};
use rbinfmt::emulators::{From, Wanted};
use rbinfmt::oci::reference::Reference;
use rbinfmt::verify::Digest;

trait Emulators {
    /// Pushes an image with two layers and an emulator in each.
    fn push_two(&self, tag: &str, version: &str) -> Digest;
    fn from(&self, rest: &str) -> From;
}

impl Emulators for Registry {
    fn push_two(&self, tag: &str, version: &str) -> Digest {
        let lower = pipe("gzip", &["-c"], &tar(&[("usr/bin/qemu-arm", &emulator("arm", version, 200_000))]));
        let upper = tar(&[("usr/bin/qemu-s390x", &emulator("s390x", version, 100_000)), ("usr/bin/binfmt", b"x")]);
        self.push(tag, &[("tar+gzip", lower), ("tar", upper)])
    }

    fn from(&self, rest: &str) -> From {
        From::Registry(Reference::parse(&format!("{}/emu{rest}", self.host)).unwrap())
    }
}

#[test]
fn by_tag_and_by_digest() {
    let Some(registry) = Registry::start("") else { return };
    let first = registry.push_two("latest", "9.2.0");
    let world = World::default();
    let found = world.ensure(&Wanted::All, Some(&registry.from(":latest"))).unwrap();
    assert_eq!((found.len(), found[0].version.as_str()), (2, "9.2.0"));
    assert_eq!(std::fs::read(&found[0].path).unwrap(), emulator("arm", "9.2.0", 200_000));
    // The tag moves on; the digest does not.
    let second = registry.push_two("latest", "10.2.3");
    assert_ne!(first, second);
    let world = World::default();
    let pinned = registry.from(&format!("@sha256:{first}"));
    assert_eq!(world.ensure(&these(&["arm"]), Some(&pinned)).unwrap()[0].version, "9.2.0");
    assert_eq!(world.ensure(&these(&["arm"]), Some(&registry.from(":latest"))).unwrap()[0].version, "10.2.3");
    assert_eq!(world.valid().len(), 2);
    // What is pinned and here needs no registry.
    drop(registry);
    assert_eq!(world.ensure(&these(&["arm"]), Some(&pinned)).unwrap()[0].version, "9.2.0");
}

#[test]
fn only_the_layers_that_are_needed_are_fetched() {
    let Some(registry) = Registry::start("") else { return };
    registry.push_two("1", "9.2.0");
    let world = World::default();
    world.ensure(&these(&["s390x"]), Some(&registry.from(":1"))).unwrap();
    let cached = std::fs::read_dir(world.store.root().join("cache")).unwrap().count();
    // The index, the manifest, the upper layer.
    assert_eq!(cached, 3);
}

#[test]
fn what_is_not_there_or_not_what_was_pinned_is_refused() {
    let Some(registry) = Registry::start("") else { return };
    registry.push_two("1", "9.2.0");
    let world = World::default();
    let text = world.refusal(&Wanted::All, Some(&registry.from(":nothing")));
    assert!(text.contains("404") && text.contains("no such image or tag"), "{text}");
    let text = world.refusal(&Wanted::All, Some(&registry.from(&format!("@sha256:{}", Digest::of(b"other")))));
    assert!(text.contains("404"), "{text}");
    // Damage on the registry's disk: the registry itself serves the changed bytes.
    let data = registry.directory.path().join("data/docker/registry/v2/blobs/sha256");
    let mut damaged = 0;
    for prefix in std::fs::read_dir(data).unwrap() {
        for blob in std::fs::read_dir(prefix.unwrap().path()).unwrap() {
            let file = blob.unwrap().path().join("data");
            let mut bytes = std::fs::read(&file).unwrap();
            if bytes.len() > 50_000 {
                bytes[40_000] ^= 1;
                std::fs::write(&file, bytes).unwrap();
                damaged += 1;
            }
        }
    }
    assert_eq!(damaged, 2);
    let text = world.refusal(&Wanted::All, Some(&registry.from(":1")));
    assert!(text.contains("expected SHA-256"), "{text}");
}

#[test]
fn a_mirror_is_asked_first_and_the_registry_itself_when_that_fails() {
    let Some(registry) = Registry::start("") else { return };
    registry.push_two("1", "9.2.0");
    // The mirror is another host for the same images; here the registry under a name of its own.
    let mut world = World::default();
    world.config.registry_mirrors.insert("images.invalid".into(), vec![format!("http://{}", registry.host)]);
    let from = From::Registry(Reference::parse("images.invalid/emu:1").unwrap());
    world.ensure(&these(&["arm"]), Some(&from)).unwrap();
    let broken = Server::start();
    let mut world = World::default();
    broken.fail("/v2/emu/manifests/1", &[Fault::Status(403)]);
    world.config.registry_mirrors.insert(registry.host.clone(), vec![broken.url.clone()]);
    world.ensure(&these(&["arm"]), Some(&registry.from(":1"))).unwrap();
    assert_eq!(broken.requests().len(), 1);
}

#[test]
fn a_registry_that_lies_about_a_pinned_manifest_is_refused() {
    let server = Server::start();
    let digest = Digest::of(b"what was pinned");
    server.put(&format!("/v2/emu/manifests/sha256:{digest}"), b"{\"layers\":[]}");
    let world = World::default();
    let host = server.host();
    let from = From::Registry(Reference::parse(&format!("{host}/emu@sha256:{digest}")).unwrap());
    let text = world.refusal(&Wanted::All, Some(&from));
    assert!(text.contains(&format!("expected SHA-256 {digest}")), "{text}");
}

#[test]
fn a_private_registry_wants_the_login_of_dockers_configuration() {
    let auth = "auth: {htpasswd: {realm: test, path: @DIR@/htpasswd}}\n";
    let Some(registry) = Registry::start(auth) else { return };
    registry.push_two("1", "9.2.0");
    let mut world = World::default();
    let text = world.refusal(&Wanted::All, Some(&registry.from(":1")));
    assert!(text.contains("401") && text.contains("docker login"), "{text}");
    let logins = format!("{{\"auths\":{{\"{}\":{{\"auth\":\"YWRtaW46c2VjcmV0\"}}}}}}", registry.host);
    world.docker_config = Some(world.write("docker/config.json", logins.as_bytes()));
    assert_eq!(world.ensure(&Wanted::All, Some(&registry.from(":1"))).unwrap().len(), 2);
}

#[test]
fn a_token_is_fetched_where_the_registry_wants_one() {
    let server = Server::start();
    let layer = tar(&[("qemu-arm", &emulator("arm", "9.2.0", 5000))]);
    let manifest =
        format!("{{\"layers\":[{{\"digest\":\"sha256:{}\",\"size\":{}}}]}}", Digest::of(&layer), layer.len());
    server.put("/v2/emu/manifests/1", manifest.as_bytes());
    server.put(&format!("/v2/emu/blobs/sha256:{}", Digest::of(&layer)), &layer);
    let token = "/token?scope=repository:emu:pull&service=a%20registry";
    server.put(token, b"{\"token\":\"T0K3N\"}");
    server.fail(
        "/v2/emu/manifests/1",
        &[Fault::Challenge(format!(
            "Bearer realm=\"{}/token\",service=\"a registry\",scope=\"repository:emu:pull\"",
            server.url
        ))],
    );
    let world = World::default();
    let from = From::Registry(Reference::parse(&format!("{}/emu:1", server.host())).unwrap());
    world.ensure(&these(&["arm"]), Some(&from)).unwrap();
    let requests = server.requests();
    assert_eq!(requests[..3], ["/v2/emu/manifests/1", token, "/v2/emu/manifests/1 Bearer T0K3N"]);
    assert!(requests[3].ends_with(" Bearer T0K3N"), "{requests:?}");
}
