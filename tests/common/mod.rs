//! What the live tests share: a sandbox with a table of its own for each script, and real programs of other machines.
#![allow(dead_code, reason = "each test program uses its part")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use rbinfmt::architecture::Architecture;
use rbinfmt::sandbox::Sandbox;
use serde_json::Value;

pub(crate) mod commands;
pub(crate) mod random;
pub(crate) mod skip;

pub(crate) use skip::{Need, say, skipped};

pub(crate) const RBINFMT: &str = env!("CARGO_BIN_EXE_rbinfmt");

/// Debian's names of the architectures whose programs are fetched.
const FOREIGN: [&str; 7] = ["arm64", "armhf", "i386", "mips64el", "ppc64el", "s390x", "riscv64"];

/// They, by Debian's name, QEMU's, and what `uname -m` says in them.
pub(crate) fn foreign() -> Vec<(&'static str, &'static str, &'static str)> {
    let row = |port: &'static str| {
        let has = |arch: &Architecture| arch.row().abis.iter().any(|abi| abi.debian == Some(port));
        let row = Architecture::ALL.into_iter().find(has).unwrap().row();
        (port, row.name, row.machines[0])
    };
    FOREIGN.into_iter().map(row).collect()
}

/// Where tests start: `None`, said aloud, where this machine has no sandboxes.
pub(crate) fn lab() -> Option<Lab> {
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    match MISSING.get_or_init(Sandbox::missing) {
        Some(why) => skipped(Need::Namespaces, why),
        None => Some(Lab { scratch: tempfile::tempdir().unwrap(), table: true, env: Vec::new() }),
    }
}

/// A sandbox that can run real programs of `arch` (Debian's name) with Debian's emulators.
pub(crate) fn lab_of(arch: &str) -> Option<Lab> {
    let lab = lab()?;
    let wanted = ["qemu/qemu-aarch64-static".to_owned(), format!("{arch}/busybox"), format!("{arch}/bash")];
    match wanted.iter().find(|file| !fixtures().join(file).is_file()) {
        Some(file) => skipped(Need::Setup, &format!("{file} could not be fetched")),
        None => Some(lab),
    }
}

/// A script's surroundings.
pub(crate) struct Lab {
    scratch: tempfile::TempDir,
    table: bool,
    env: Vec<(String, String)>,
}

impl Lab {
    /// The script finds no table mounted.
    pub(crate) fn without_table(mut self) -> Lab {
        self.table = false;
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Lab {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The directory in which the script starts.
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The search path: with rbinfmt in it.
    pub(crate) fn path(&self) -> String {
        let path = std::env::var("PATH").unwrap_or_default();
        format!("{}:{path}", Path::new(RBINFMT).parent().unwrap().display())
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.scratch().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The bash command, in the sandbox, for `script`.
    pub(crate) fn command(&self, script: &str) -> Command {
        let mut command = outside(&format!("{}\n{script}", self::script("common/prelude")));
        command
            .env("PATH", self.path())
            .env("SCRATCH", self.scratch())
            // Whatever is fetched stays with the test.
            .env("RBINFMT_STORE", self.scratch().join("store"))
            .env("EMULATORS", fixtures().join("qemu"))
            .env("FIXTURES", fixtures())
            .envs(self.env.iter().map(|(k, v)| (k, v)));
        Sandbox { table: self.table }.enclose(&mut command);
        command
    }

    /// Runs it, whatever comes.
    pub(crate) fn try_run(&self, script: &str) -> Output {
        self.command(script).output().unwrap()
    }

    /// Runs it; it has to end well. Its standard output.
    pub(crate) fn run(&self, script: &str) -> String {
        ended_well(&self.try_run(script))
    }

    /// Runs it; its standard output is JSON alone.
    pub(crate) fn json(&self, script: &str) -> Value {
        let out = self.run(script);
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}:\n{out}"))
    }
}

/// What a command that has to end well wrote to its standard output.
pub(crate) fn ended_well(output: &Output) -> String {
    let (out, err) = texts(output);
    assert!(output.status.success(), "{}\nstdout:\n{out}\nstderr:\n{err}", output.status);
    out
}

/// The line of shell that runs tests/NAME.sh; arguments may follow it.
pub(crate) fn script(name: &str) -> String {
    format!(". '{}/tests/{name}.sh'", env!("CARGO_MANIFEST_DIR"))
}

fn outside(script: &str) -> Command {
    let mut command = Command::new("/bin/bash");
    command.arg("-c").arg(script).stdin(Stdio::null());
    for name in ["QEMU_BINARY_PATH", "QEMU_BINARY_PREFIX", "QEMU_PRESERVE_ARGV0"] {
        command.env_remove(name);
    }
    command
}

/// Standard output and standard error.
pub(crate) fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// The directory of fetched programs; the first call fetches them.
pub(crate) fn fixtures() -> &'static Path {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    CACHE.get_or_init(|| {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let cache = std::env::var_os("RBINFMT_TEST_CACHE").map_or_else(|| tests.join(".cache"), PathBuf::from);
        if !cache.join("complete").exists() {
            say("fetching programs of other architectures (once) ...");
            let mut fetch = Command::new(tests.join("fixtures.sh"));
            let mut fetch = fetch.arg(&cache).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            for line in BufReader::new(fetch.stderr.take().unwrap()).lines().map_while(Result::ok) {
                say(&line);
            }
            let _ = fetch.wait();
        }
        cache.canonicalize().unwrap_or(cache)
    })
}

/// The row of `status --json` for an entry.
pub(crate) fn entry<'a>(status: &'a Value, name: &str) -> &'a Value {
    let rows = status["entries"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {status:#}"))
}

/// The item of `install --json` for an entry.
pub(crate) fn item<'a>(run: &'a Value, name: &str) -> &'a Value {
    let rows = run["items"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {run:#}"))
}
