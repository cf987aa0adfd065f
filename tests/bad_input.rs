//! Files that nobody should have to read: the model ends, reads little, and does not crash.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rbinfmt::exec::facts::{ExecFacts, TableFacts};
use rbinfmt::exec::root::Root;
use rbinfmt::exec::{Model, Verdict};
use rbinfmt::inspect::inspect;
use tempfile::TempDir;

struct Directory {
    facts: ExecFacts,
    dir: TempDir,
}

impl Directory {
    fn new() -> Self {
        let mut facts = ExecFacts::gather(Path::new("/nonexistent"));
        facts.table = TableFacts::absent();
        Directory { facts, dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &[u8]) -> PathBuf {
        self.dir.path().join(std::ffi::OsStr::from_bytes(name))
    }

    fn write(&self, name: &[u8], bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Judged and inspected, from here and as a root.
    fn judge(&self, name: &[u8]) -> Verdict {
        let (own, below) = (Root::own(), Root::below(self.dir.path()).unwrap());
        let path = self.path(name);
        let _ = inspect(&below, name);
        Model::new(&self.facts, &own, &own).judge(path.as_os_str().as_bytes(), &[]);
        Model::new(&self.facts, &below, &own).judge(name, &[])
    }
}

/// This test's own program: a real file of this machine.
fn program() -> Vec<u8> {
    let mut bytes = fs::read("/proc/self/exe").unwrap();
    bytes.truncate(1 << 20);
    bytes
}

#[test]
fn cut_off_at_every_length() {
    let directory = Directory::new();
    let bytes = program();
    // Every length within what is parsed, then ever fewer.
    let lengths = (0..2500).chain((2500..bytes.len()).step_by(9973));
    for len in lengths {
        directory.write(b"x", &bytes[..len]);
        directory.judge(b"x");
    }
    let script = b"#!/bin/sh -e\necho\n";
    (0..script.len()).for_each(|len| {
        directory.write(b"s", &script[..len]);
        directory.judge(b"s");
    });
}

#[test]
fn headers_that_point_anywhere() {
    let directory = Directory::new();
    let bytes = program();
    for at in (24..64).step_by(2).chain((64..900).step_by(4)) {
        for value in
            [[0u8; 8], [0xff; 8], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], [0, 0, 0, 0x80, 0, 0, 0, 0]]
        {
            let mut bytes = bytes[..4096].to_vec();
            bytes[at..at + 8].copy_from_slice(&value);
            directory.write(b"x", &bytes);
            directory.judge(b"x");
        }
    }
}

#[test]
fn a_terabyte_takes_no_time() {
    let directory = Directory::new();
    let path = directory.write(b"big", &program()[..4096]);
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    let start = Instant::now();
    directory.judge(b"big");
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[test]
fn loops_of_links_and_scripts() {
    let directory = Directory::new();
    symlink("b", directory.path(b"a")).unwrap();
    symlink("a", directory.path(b"b")).unwrap();
    assert_eq!(directory.judge(b"a").outcome.errno(), Some(nix::errno::Errno::ELOOP));
    let below = Root::below(directory.dir.path()).unwrap();
    directory.write(b"s", b"#!/t\n");
    directory.write(b"t", b"#!/s\n");
    let verdict = Model::new(&directory.facts, &below, &below).judge(b"s", &[]);
    assert_eq!(verdict.outcome.errno(), Some(nix::errno::Errno::ELOOP));
    assert_eq!(verdict.steps.len(), 6);
}

#[test]
fn links_do_not_lead_out_of_a_root() {
    let directory = Directory::new();
    symlink("/etc/passwd", directory.path(b"abs")).unwrap();
    symlink("../../../../../../etc/passwd", directory.path(b"up")).unwrap();
    let below = Root::below(directory.dir.path()).unwrap();
    for name in [&b"abs"[..], b"up", b"../../../../../etc/passwd"] {
        assert!(below.open(name).is_err());
        let verdict = Model::new(&directory.facts, &below, &below).judge(name, &[]);
        assert_eq!(verdict.outcome.errno(), Some(nix::errno::Errno::ENOENT));
    }
}

#[test]
fn names_that_are_not_utf8() {
    let directory = Directory::new();
    directory.write(b"\xff\xfe\n", b"#!/\xfd\xff -\xff\n");
    let verdict = directory.judge(b"\xff\xfe\n");
    let json = serde_json::to_string(&rbinfmt::report::answer::json(&rbinfmt::doctor::file::FileVerdict {
        asked: b"\xff\xfe\n".as_slice().into(),
        target: b"\xff\xfe\n".as_slice().into(),
        verdict,
        near: Vec::new(),
        inspection: None,
        unreadable: Vec::new(),
        findings: Vec::new(),
    }));
    assert!(json.unwrap().contains(r#""target":"\\xff\\xfe\\x0a""#));
}

#[test]
fn a_fifo_and_a_device_are_never_opened() {
    let directory = Directory::new();
    nix::unistd::mkfifo(&directory.path(b"p"), nix::sys::stat::Mode::from_bits_truncate(0o777)).unwrap();
    // Opening it would wait for ever.
    assert_eq!(directory.judge(b"p").outcome.errno(), Some(nix::errno::Errno::EACCES));
    assert!(Root::own().open(b"/dev/null").is_err());
}

#[test]
fn a_file_that_changes_meanwhile() {
    let directory = Directory::new();
    let path = directory.write(b"x", &program()[..8192]);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut len = 0u64;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
                file.set_len(len % 9000).unwrap();
                file.write_all(b"\x7fELF\x02\x01").unwrap();
                len += 997;
            }
        });
        let (own, until) = (Root::own(), Instant::now() + Duration::from_millis(300));
        while Instant::now() < until {
            Model::new(&directory.facts, &own, &own).judge(path.as_os_str().as_bytes(), &[]);
            let _ = inspect(&own, path.as_os_str().as_bytes());
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
