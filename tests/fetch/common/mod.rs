//! What the tests of fetching share: a store to throw away, emulators made by hand, an HTTP server with faults.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::print_stderr, unreachable_pub)]

pub mod archive;
pub mod registry;
pub mod server;
#[path = "../../common/skip.rs"]
mod skip;

pub(crate) use skip::{Need, has, skipped};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rbinfmt::config::Fetch;
use rbinfmt::emulators::debian::mirror::Wish;
use rbinfmt::emulators::{Emulator, Fetcher, From, Policy, Store, Use, Wanted};
use rbinfmt::error::Result;
use rbinfmt::http::{Client, Options};
use rbinfmt::progress::Quiet;

/// A static ELF program of this machine that nobody could run, with the version text of QEMU's emulators in it.
pub fn emulator(arch: &str, version: &str, size: usize) -> Vec<u8> {
    elf(if cfg!(target_arch = "aarch64") { 183 } else { 62 }, 1, arch, version, size)
}

/// With this e_machine and this type of its one segment (3: PT_INTERP).
pub fn elf(machine: u16, segment: u32, arch: &str, version: &str, size: usize) -> Vec<u8> {
    let mut bytes = vec![0u8; 120];
    bytes[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\x00");
    bytes[16] = 2;
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[32] = 64;
    bytes[54] = 56;
    bytes[56] = 1;
    bytes[64..68].copy_from_slice(&segment.to_le_bytes());
    bytes.extend(format!("qemu-{arch} version {version} (test)\nCopyright\0").bytes());
    // Nothing that compresses: the file is to be as long on the wire.
    let mut x = 88_172_645_463_325_252u64 ^ arch.len() as u64;
    while bytes.len() < size {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes.extend(x.to_le_bytes());
    }
    bytes.truncate(size.max(300));
    bytes
}

/// A tar of these members, all of them files with mode 755.
pub fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, body) in members {
        member(&mut builder, name, tar::EntryType::Regular, body, "");
    }
    builder.into_inner().unwrap()
}

/// Writes a member with any name, however wrong.
pub fn member(builder: &mut tar::Builder<Vec<u8>>, name: &str, kind: tar::EntryType, body: &[u8], link: &str) {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header.set_mode(0o755);
    header.set_entry_type(kind);
    header.set_size(body.len() as u64);
    header.set_cksum();
    builder.append(&header, body).unwrap();
}

/// Runs a program on bytes.
pub fn pipe(program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut child = Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{program} {args:?}");
    output.stdout
}

/// xz in several blocks, as dpkg-deb writes it.
pub fn xz(bytes: &[u8]) -> Vec<u8> {
    pipe("xz", &["-T2", "-1", "--block-size=262144", "-c"], bytes)
}

/// A .deb around a data.tar.
pub fn deb(data: &[u8], ending: &str) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    let control = tar(&[("./control", b"Package: test\n")]);
    let data_name = format!("data.tar{ending}");
    for (name, body) in [("debian-binary", &b"2.0\n"[..]), ("control.tar", &control), (&data_name, data)] {
        bytes.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, body.len()).bytes());
        bytes.extend(body);
        if body.len() % 2 == 1 {
            bytes.push(b'\n');
        }
    }
    bytes
}

/// A fetcher's surroundings, in directories that are thrown away.
pub struct World {
    pub directory: tempfile::TempDir,
    pub store: Store,
    pub options: Options,
    pub config: Fetch,
    pub wish: Wish,
    pub policy: Policy,
    pub docker_config: Option<PathBuf>,
}

impl Default for World {
    fn default() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options {
            connect: Duration::from_secs(2),
            idle: Duration::from_millis(400),
            grace: Duration::from_secs(20),
            retries: 2,
            pause: Duration::from_millis(10),
            max_pause: Duration::from_millis(50),
            ..Options::default()
        };
        World {
            store: Store::open(directory.path().join("store")),
            directory,
            options,
            config: Fetch::default(),
            wish: Wish::default(),
            policy: Policy { jobs: 2, ..Policy::default() },
            docker_config: None,
        }
    }
}

impl World {
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn ensure(&self, wanted: &Wanted, from: Option<&From>) -> Result<Vec<Emulator>> {
        self.ensure_use(wanted, from, Use::IfNone)
    }

    pub fn ensure_use(&self, wanted: &Wanted, from: Option<&From>, use_: Use) -> Result<Vec<Emulator>> {
        let client = Client::new(self.options.clone());
        Fetcher {
            store: &self.store,
            client: &client,
            machine: std::env::consts::ARCH.to_owned(),
            root: self.path().join("root"),
            config: self.config.clone(),
            wish: self.wish.clone(),
            docker_config: self.docker_config.clone(),
            policy: self.policy.clone(),
            progress: &Quiet,
        }
        .ensure(wanted, from, use_)
    }

    /// The refusal's text, after making sure that nothing of what was refused is in the store.
    pub fn refusal(&self, wanted: &Wanted, from: Option<&From>) -> String {
        let before = self.valid();
        let error = self.ensure(wanted, from).expect_err("should have been refused");
        assert_eq!(self.valid(), before, "a refusal changed the store");
        format!("{error}\n{}", error.help_text().unwrap_or_default())
    }

    /// Checks that all that the store says is true, and returns it: what a kill must not break.
    pub fn valid(&self) -> BTreeMap<String, Vec<String>> {
        valid(&self.store)
    }
}

/// Checks that all that a store says is true: every listed emulator is there, whole, and nothing can be run that is not.
pub fn valid(store: &Store) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    for manifest in store.versions().unwrap() {
        for emulator in store.emulators(&manifest) {
            let bytes = std::fs::read(&emulator.path).unwrap();
            assert_eq!(rbinfmt::verify::Digest::of(&bytes), emulator.sha256, "{}", emulator.path.display());
        }
        all.insert(manifest.id, manifest.emulators.into_keys().collect());
    }
    for emulator in store.all_current().unwrap().values() {
        let version: &Vec<String> = &all[&emulator.id];
        assert!(version.contains(&emulator.arch));
    }
    all
}

pub fn these(archs: &[&str]) -> Wanted {
    Wanted::These(archs.iter().map(|&a| a.to_owned()).collect())
}

/// The program, with a store and a home of its own, no proxies, and no table: the machine's is left alone.
pub fn rbinfmt(store: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rbinfmt"));
    for name in
        ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
    {
        command.env_remove(name);
    }
    command.env("RBINFMT_STORE", store).env("HOME", store).env_remove("DOCKER_CONFIG");
    command.arg("--mount").arg(store.join("no-table"));
    command
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
