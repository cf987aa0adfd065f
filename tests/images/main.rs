//! `rbinfmt doctor IMAGE` over images made here: archives, layouts, registries, engines; lies, faults and bombs.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::new_without_default
)]

mod bad;
#[path = "../fetch/common/mod.rs"]
mod common;
mod engines;
mod faults;
mod make;
mod places;

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// A directory with a table that emulates one architecture, as the kernel shows it.
pub struct World {
    pub dir: TempDir,
}

impl World {
    /// A table without entries.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let table = dir.path().join("table");
        fs::create_dir(&table).unwrap();
        fs::write(table.join("status"), "enabled\n").unwrap();
        World { dir }
    }

    /// One entry for s390x; its interpreter is a program of this machine.
    pub fn emulates(flags: &str) -> Self {
        let world = World::new();
        let emulator = world.write("qemu-s390x", &make::program(make::OWN));
        fs::set_permissions(&emulator, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let magic = "7f454c4602020100000000000000000000020016";
        let mask = "ffffffffffffff00fffffffffffffffffffeffff";
        let text = format!("enabled\ninterpreter {emulator}\nflags: {flags}\noffset 0\nmagic {magic}\nmask {mask}\n");
        fs::write(world.dir.path().join("table/qemu-s390x"), text).unwrap();
        world
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Writes a `docker save` of an image.
    pub fn saved(&self, image: &make::Image) -> String {
        format!("docker-archive:{}", self.write("image.tar", &image.docker_archive("app:1")))
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::cargo_bin("rbinfmt").unwrap();
        command
            .current_dir(self.dir.path())
            .env("DOCKER_CONFIG", self.dir.path())
            .env("DOCKER_HOST", format!("unix://{}/no.sock", self.dir.path().display()))
            .args(["doctor", "--mount", "table"])
            .args(args);
        command
    }

    /// Exit status, output, errors.
    pub fn doctor(&self, args: &[&str]) -> (i32, String, String) {
        let output = self.command(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Exit status and the object.
    pub fn judged(&self, target: &str) -> (i32, Value) {
        self.judged_with(&[target])
    }

    pub fn judged_with(&self, args: &[&str]) -> (i32, Value) {
        let (code, text, errors) = self.doctor(&[&["--json"], args].concat());
        (code, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{code} {text} {errors}")))
    }
}

/// The ids of a platform's findings.
pub fn ids(platform: &Value) -> Vec<&str> {
    platform["findings"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect()
}

/// Every platform and how it runs.
pub fn runs(exam: &Value) -> Vec<(&str, &str)> {
    let list = exam["platforms"].as_array().unwrap();
    list.iter().map(|p| (p["platform"].as_str().unwrap(), p["runs"].as_str().unwrap())).collect()
}

/// The text with this test's directory taken out.
pub fn plain(text: &str, directory: &Path) -> String {
    text.replace(directory.to_str().unwrap(), "[directory]")
}
