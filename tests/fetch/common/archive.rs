//! A Debian archive made by the test and signed with a key of its own, which only `--keyring` makes trusted.

use std::path::PathBuf;
use std::process::Command;

use rbinfmt::emulators::{From, Which};
use rbinfmt::time::{SignedDuration, Timestamp};
use rbinfmt::verify::Digest;

use super::server::Server;
use super::{World, deb, pipe, tar, xz};

/// A GnuPG home with one key.
pub struct Key {
    home: tempfile::TempDir,
    pub keyring: PathBuf,
}

impl Key {
    /// A key that can sign; `more` are arguments of gpg (a faked time), `expires` as gpg takes it.
    pub fn new(more: &[&str], expires: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().unwrap();
        let key = Key { keyring: home.path().join("keyring.pgp"), home };
        key.gpg(&[more, &["--quick-gen-key", "Test archive <test@test.invalid>", "ed25519", "sign", expires]].concat());
        key.export();
        key
    }

    pub fn export(&self) {
        let bytes = self.gpg(&["--export"]);
        std::fs::write(&self.keyring, bytes).unwrap();
    }

    /// Publishes the revocation that gpg made with the key.
    pub fn revoke(&self) {
        let directory = self.home.path().join("openpgp-revocs.d");
        let file = std::fs::read_dir(directory).unwrap().next().unwrap().unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap().replace(":-----BEGIN", "-----BEGIN");
        let start = text.find("-----BEGIN").unwrap();
        std::fs::write(&file, &text[start..]).unwrap();
        self.gpg(&["--import", file.to_str().unwrap()]);
        self.export();
    }

    pub fn gpg(&self, args: &[&str]) -> Vec<u8> {
        let output = Command::new("gpg")
            .args(["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", "--homedir"])
            .arg(self.home.path())
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "gpg {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Clear-signs a text.
    pub fn sign(&self, text: &str, more: &[&str]) -> Vec<u8> {
        let home = self.home.path().to_str().unwrap();
        let args = ["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", "--homedir", home];
        pipe("gpg", &[&args, more, &["--clearsign", "-o", "-"]].concat(), text.as_bytes())
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        drop(Command::new("gpgconf").arg("--homedir").arg(self.home.path()).args(["--kill", "all"]).output());
    }
}

/// What the archive has in one suite.
#[derive(Clone)]
pub struct Suite {
    pub name: &'static str,
    pub alias: &'static str,
    pub version: String,
    /// Seconds since 1970.
    pub date: Timestamp,
    pub valid_until: Option<Timestamp>,
    pub deb: Vec<u8>,
}

impl Suite {
    /// One whose package has these files.
    pub fn new(name: &'static str, alias: &'static str, version: &str, emulators: &[(&str, &[u8])]) -> Self {
        let names: Vec<String> = emulators.iter().map(|(arch, _)| format!("./usr/bin/qemu-{arch}-static")).collect();
        let members: Vec<(&str, &[u8])> = names.iter().map(String::as_str).zip(emulators.iter().map(|e| e.1)).collect();
        let deb = deb(&xz(&tar(&members)), ".xz");
        Suite {
            name,
            alias,
            version: version.to_owned(),
            date: rbinfmt::time::now() - SignedDuration::from_hours(1),
            valid_until: None,
            deb,
        }
    }

    pub fn deb_path(&self) -> String {
        format!("/debian/pool/main/q/qemu/qemu-user-static_{}_test.deb", self.version)
    }

    pub fn index_path(&self) -> String {
        format!("/debian/dists/{}/main/binary-{}/Packages.xz", self.name, arch())
    }

    /// Puts the suite on a server: under its name and its alias.
    pub fn publish(&self, server: &Server, key: &Key) {
        let text = self.release(server);
        self.put_inrelease(server, &key.sign(&text, &[]));
    }

    pub fn put_inrelease(&self, server: &Server, bytes: &[u8]) {
        for suite in [self.name, self.alias] {
            server.put(&format!("/debian/dists/{suite}/InRelease"), bytes);
        }
    }

    /// Puts package and index there and returns the text of the Release file.
    pub fn release(&self, server: &Server) -> String {
        server.put(&self.deb_path(), &self.deb);
        let packages = format!(
            "Package: other\nVersion: 1\n\nPackage: qemu-user-static\nVersion: {}\nFilename: {}\nSize: {}\nSHA256: {}\n\n",
            self.version,
            self.deb_path().trim_start_matches("/debian/"),
            self.deb.len(),
            Digest::of(&self.deb)
        );
        let index = xz(packages.as_bytes());
        for suite in [self.name, self.alias] {
            let path = self.index_path().replace(self.name, suite);
            server.put(&path, &index);
        }
        let until = self.valid_until.map_or(String::new(), |t| format!("Valid-Until: {}\n", rfc(t)));
        format!(
            "Origin: Test\nSuite: {}\nCodename: {}\nDate: {}\n{until}SHA256:\n {} {} main/binary-{}/Packages.xz\n",
            self.alias,
            self.name,
            rfc(self.date),
            Digest::of(&index),
            index.len(),
            arch()
        )
    }
}

/// A date as Release files have it.
pub fn rfc(time: Timestamp) -> String {
    let date = pipe("date", &["-u", "-d", &format!("@{}", time.as_second()), "+%a, %d %b %Y %H:%M:%S UTC"], b"");
    String::from_utf8(date).unwrap().trim().to_owned()
}

fn arch() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

/// A world that takes its emulators from this server and trusts this key.
pub fn world(server: &Server, key: &Key) -> World {
    let mut world = World::default();
    world.wish.flag = Some(format!("{}/debian", server.url));
    world.wish.keyring = Some(key.keyring.clone());
    world
}

pub fn stable() -> From {
    From::Debian { which: Which::Stable, suite: None }
}

pub fn version(text: &str) -> From {
    From::Debian { which: Which::parse(text).unwrap(), suite: None }
}
