//! The Debian archive: what is taken, and every refusal, against a real server and a real signature.
#![allow(clippy::unwrap_used)]

use crate::common::archive::{Key, Suite, stable, version, world};
use crate::common::server::{Fault, Server};
use crate::common::{World, emulator, these};
use rbinfmt::emulators::{From, Use, Wanted, Which};
use rbinfmt::time::{SignedDuration, now};

struct Scene {
    server: Server,
    key: Key,
    suite: Suite,
    world: World,
}

fn scene() -> Scene {
    let server = Server::start();
    let key = Key::new(&[], "never");
    let (arm, s390x) = (emulator("arm", "10.0.3", 300_000), emulator("s390x", "10.0.3", 200_000));
    let suite = Suite::new("trixie", "stable", "1:10.0.3+ds-1", &[("arm", &arm), ("s390x", &s390x)]);
    suite.publish(&server, &key);
    let world = world(&server, &key);
    Scene { server, key, suite, world }
}

impl Scene {
    fn refusal(&self) -> String {
        self.world.refusal(&these(&["arm"]), Some(&stable()))
    }

    /// Signs the suite's Release text after a change.
    fn resign(&self, change: impl FnOnce(String) -> String) {
        let text = change(self.suite.release(&self.server));
        self.suite.put_inrelease(&self.server, &self.key.sign(&text, &[]));
    }
}

#[test]
fn emulators_are_fetched_proved_and_put_to_use() {
    let s = scene();
    let found = s.world.ensure(&these(&["arm"]), Some(&stable())).unwrap();
    assert_eq!(
        (found.len(), found[0].version.as_str(), found[0].id.as_str()),
        (1, "1:10.0.3+ds-1", "debian-10.0.3+ds-1")
    );
    assert_eq!(s.world.store.current("arm").unwrap().unwrap(), found[0]);
    assert_eq!(std::fs::read(&found[0].path).unwrap(), emulator("arm", "10.0.3", 300_000));
    let manifest = s.world.store.find("10.0.3").unwrap();
    assert_eq!(manifest.emulators["arm"].reports.as_deref(), Some("10.0.3 (test)"));
    assert!(!manifest.complete);
    // More of the same version: the package is still in the cache.
    s.world.ensure(&Wanted::All, Some(&stable())).unwrap();
    let packages = s.server.requests().iter().filter(|r| r.ends_with(".deb")).count();
    assert_eq!(packages, 1);
    assert_eq!(s.world.valid()["debian-10.0.3+ds-1"], ["arm", "s390x"]);
    // And now there is nothing to ask the network for.
    let requests = s.server.requests().len();
    s.world.ensure(&these(&["arm", "s390x"]), None).unwrap();
    s.world.ensure(&Wanted::All, None).unwrap();
    s.world.ensure(&these(&["arm"]), Some(&version("10.0"))).unwrap();
    assert_eq!(s.server.requests().len(), requests);
}

#[test]
fn a_password_in_the_address_reaches_the_mirror_and_nothing_else() {
    let mut s = scene();
    let address = s.server.url.replace("http://", "http://me:s3cret@");
    s.world.wish.flag = Some(format!("{address}/debian"));
    let found = s.world.ensure(&these(&["arm"]), Some(&stable())).unwrap();
    // me:s3cret
    assert!(s.server.requests().iter().all(|r| r.ends_with(" Basic bWU6czNjcmV0")), "{:?}", s.server.requests());
    let manifest = std::fs::read_to_string(found[0].path.parent().unwrap().join("manifest.json")).unwrap();
    assert!(manifest.contains(&s.server.url) && !manifest.contains("s3cret"), "{manifest}");
    s.server.remove("/debian/dists/stable/InRelease");
    let said = s.world.refusal(&these(&["s390x"]), Some(&version("11")));
    assert!(!said.contains("s3cret"), "{said}");
}

#[test]
fn versions_are_found_among_the_suites_and_going_back_is_one_step() {
    let s = scene();
    let old = emulator("arm", "7.2.22", 100_000);
    Suite::new("bookworm", "oldstable", "1:7.2+dfsg-7", &[("arm", &old)]).publish(&s.server, &s.key);
    let new = emulator("arm", "11.1.3", 100_000);
    Suite::new("trixie-backports", "stable-backports", "1:11.1.3+ds-1~bpo13+1", &[("arm", &new)])
        .publish(&s.server, &s.key);
    let mut expired = Suite::new("sid", "unstable", "1:12.0+ds-1", &[("arm", &new)]);
    expired.valid_until = Some(now() - SignedDuration::from_secs(1000));
    expired.publish(&s.server, &s.key);
    let get = |which: &str, use_| {
        s.world.ensure_use(&these(&["arm"]), Some(&version(which)), use_).unwrap().remove(0).version
    };
    assert_eq!(get("7.2", Use::Always), "1:7.2+dfsg-7");
    assert_eq!(get("stable", Use::IfNone), "1:10.0.3+ds-1");
    assert_eq!(get("latest", Use::Never), "1:11.1.3+ds-1~bpo13+1");
    assert_eq!(s.world.store.current("arm").unwrap().unwrap().version, "1:7.2+dfsg-7");
    let lock = s.world.store.lock(&rbinfmt::progress::Quiet).unwrap();
    let id = s.world.store.find("10.0").unwrap().id;
    s.world.store.use_(&lock, &id, &["arm".into()]).unwrap();
    assert_eq!(s.world.store.current("arm").unwrap().unwrap().version, "1:10.0.3+ds-1");
    assert!(s.world.store.remove(&lock, &id).unwrap_err().to_string().contains("in use for arm"));
    let swept = s.world.store.gc(&lock, &Default::default()).unwrap();
    assert_eq!(swept.versions.len(), 2);
    assert_eq!(s.world.valid().len(), 1);
    drop(lock);
    let text = s.world.refusal(&these(&["arm"]), Some(&version("9.9")));
    assert!(text.contains("expired"), "{text}");
}

#[test]
fn a_missing_version_or_architecture_says_what_there_is() {
    let s = scene();
    let suite = From::Debian { which: Which::parse("9").unwrap(), suite: Some("trixie".into()) };
    let text = s.world.refusal(&these(&["arm"]), Some(&suite));
    assert!(text.contains("1:10.0.3+ds-1 (trixie)"), "{text}");
    let text = s.world.refusal(&these(&["arm", "cris"]), Some(&stable()));
    assert!(text.contains("it has none for cris"), "{text}");
}

#[test]
fn a_changed_byte_anywhere_in_the_chain_is_refused() {
    let s = scene();
    // The signed text, its signature, the index, the package.
    let inrelease = s.server.get("/debian/dists/stable/InRelease");
    let origin = inrelease.windows(4).position(|w| w == b"Test").unwrap();
    let signature = inrelease.len() - 120;
    for at in [origin, signature] {
        let mut changed = inrelease.clone();
        changed[at] = if changed[at] == b'T' { b'U' } else { b'T' };
        s.suite.put_inrelease(&s.server, &changed);
        let text = s.refusal();
        assert!(text.contains("verifying http"), "{text}");
    }
    s.suite.put_inrelease(&s.server, &inrelease);
    for path in [s.suite.index_path().replace("trixie", "stable"), s.suite.deb_path()] {
        s.server.fail(&path, &[Fault::Corrupt(50)]);
        let text = s.refusal();
        assert!(text.contains("expected SHA-256") && text.contains(&path), "{text}");
    }
    s.world.ensure(&these(&["arm"]), Some(&stable())).unwrap();
}

#[test]
fn expired_rolled_back_and_future_indices_are_refused_unless_insisted_on() {
    let mut s = scene();
    s.world.ensure(&these(&["arm"]), Some(&stable())).unwrap();
    let date = s.suite.date;
    s.suite.date = date - SignedDuration::from_hours(24);
    s.suite.publish(&s.server, &s.key);
    assert!(s.refusal().contains("rolled back"));
    s.suite.date = date;
    s.suite.valid_until = Some(now() - SignedDuration::from_mins(1));
    s.suite.publish(&s.server, &s.key);
    let text = s.refusal();
    assert!(text.contains("expired") && text.contains("--allow-expired"), "{text}");
    s.world.policy.allow_expired = true;
    s.world.ensure(&these(&["arm"]), Some(&stable())).unwrap();
    s.suite.valid_until = None;
    s.suite.date = now() + SignedDuration::from_hours(3 * 24);
    s.suite.publish(&s.server, &s.key);
    s.world.policy.allow_expired = false;
    assert!(s.refusal().contains("future"));
}

#[test]
fn signatures_by_the_wrong_keys_are_refused() {
    let s = scene();
    let text = s.suite.release(&s.server);
    // Unknown: signed by a key that is not in the keyring.
    s.suite.put_inrelease(&s.server, &Key::new(&[], "never").sign(&text, &[]));
    assert!(s.refusal().contains("which is unknown"));
    // The test key means nothing to those who did not name it.
    s.suite.publish(&s.server, &s.key);
    let mut stranger = world(&s.server, &s.key);
    stranger.wish.keyring = None;
    assert!(stranger.refusal(&these(&["arm"]), Some(&stable())).contains("built-in Debian archive keyring"));
    // Expired.
    let past = ["--faked-system-time", "20200101T000000!"];
    let old = Key::new(&past, "1y");
    s.suite.put_inrelease(&s.server, &old.sign(&text, &past));
    let trusts_old = world(&s.server, &old);
    let refused = trusts_old.refusal(&these(&["arm"]), Some(&stable()));
    assert!(refused.contains("expired on 2020-12-31"), "{refused}");
    // Revoked.
    s.suite.publish(&s.server, &s.key);
    s.key.revoke();
    assert!(s.refusal().contains("is revoked"));
}

#[test]
fn a_weak_hash_is_no_signature() {
    let s = scene();
    let text = s.suite.release(&s.server);
    s.suite.put_inrelease(&s.server, &s.key.sign(&text, &["--digest-algo", "RIPEMD160", "--allow-weak-digest-algos"]));
    let text = s.refusal();
    assert!(text.contains("weak hash"), "{text}");
}

#[test]
fn text_outside_the_signed_part_is_refused() {
    let s = scene();
    let signed = String::from_utf8(s.server.get("/debian/dists/stable/InRelease")).unwrap();
    let evil = "SHA256:\n 00 1 main/binary-amd64/Packages.xz\n";
    let header = signed.replacen("Hash:", "Comment: x\nHash:", 1);
    for (text, expected) in [
        (format!("{evil}{signed}"), "does not start with"),
        (format!("{signed}{evil}"), "outside the signed part"),
        (header, "outside the signed part"),
        (signed.replacen("-----BEGIN PGP SIGNATURE", "-----BEGIN PGP NOTHING", 1), "broken framework"),
        (signed[..signed.len() / 2].to_owned(), ""),
        (signed[..40].to_owned(), ""),
        (String::new(), "does not start with"),
    ] {
        s.suite.put_inrelease(&s.server, text.as_bytes());
        let refused = s.refusal();
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn another_suite_and_a_path_that_leaves_the_mirror_are_refused() {
    let s = scene();
    s.resign(|text| text.replace("Suite: stable", "Suite: testing").replace("Codename: trixie", "Codename: forky"));
    assert!(s.refusal().contains("expected suite stable"));
    s.resign(|text| text.replace("Date:", "Day:"));
    assert!(s.refusal().contains("no field Date"));
}

#[test]
fn offline_is_the_cache_or_an_error() {
    let mut s = scene();
    s.world.options.offline = true;
    assert!(s.refusal().contains("--offline"));
    s.world.options.offline = false;
    s.world.ensure(&these(&["arm"]), Some(&stable())).unwrap();
    let requests = s.server.requests().len();
    s.world.options.offline = true;
    s.world.ensure(&these(&["s390x"]), Some(&stable())).unwrap();
    assert_eq!(s.server.requests().len(), requests);
}
