//! Two builds side by side: the CPU time of whole processes, turn by turn, and the size of both programs.
//!
//!     RBINFMT_BASE=old/rbinfmt RBINFMT_PROGRAM=new/rbinfmt cargo bench --bench compare [-- CASE...]
//!
//! Without RBINFMT_PROGRAM it is the program that cargo builds. RBINFMT_MIRROR, a mirror of Debian nearby, adds a fetch
//! from it. All of it happens in a sandbox with a table of its own. Ratios below 1 are faster.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

mod common;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{must, save, time_of_children};
use rbinfmt::sandbox::Sandbox;

const INSIDE: &str = "RBINFMT_BENCH_INSIDE";
const FILE: &str = "/usr/bin/readelf";
/// Rounds of what starts and ends at once, and of what reads a hundred megabytes and more.
const SHORT: usize = 201;
const LONG: usize = 9;

fn main() {
    if env::var_os(INSIDE).is_some() {
        return compare();
    }
    if let Some(why) = Sandbox::missing() {
        return println!("SKIPPED: {why}");
    }
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(env::args_os().skip(1));
    Sandbox { table: true }.enclose(&mut command);
    assert!(command.env(INSIDE, "1").status().unwrap().success());
}

/// What both programs are told to do.
struct Case {
    name: &'static str,
    rounds: usize,
    args: Vec<String>,
    /// What comes before it untimed.
    before: Option<Vec<String>>,
}

impl Case {
    fn new(name: &'static str, rounds: usize, args: &[&str]) -> Self {
        Case { name, rounds, args: owned(args), before: None }
    }

    fn after(self, args: &[&str]) -> Self {
        Case { before: Some(owned(args)), ..self }
    }
}

fn owned(args: &[&str]) -> Vec<String> {
    args.iter().map(|&arg| arg.to_owned()).collect()
}

fn compare() {
    let Some(base) = env::var_os("RBINFMT_BASE").map(PathBuf::from) else {
        return println!("SKIPPED: RBINFMT_BASE names no program to compare with");
    };
    let new = env::var_os("RBINFMT_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_rbinfmt").into(), PathBuf::from);
    let programs = [base, new].map(|program| fs::canonicalize(program).unwrap());
    let wanted: Vec<String> = env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let directory = tempfile::tempdir().unwrap();

    let sizes = programs.each_ref().map(|program| fs::metadata(program).unwrap().len() as f64);
    println!("{:24} {:>12} {:>12} {:>6}", "", "base", "new", "ratio");
    println!("{:24} {:>12} {:>12} {:6.3}", "size, bytes", sizes[0], sizes[1], sizes[1] / sizes[0]);
    for case in cases(directory.path()) {
        if !wanted.is_empty() && !wanted.iter().any(|name| name == case.name) {
            continue;
        }
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..case.rounds {
            for which in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
                times[which].push(run(&programs[which], &case, &directory.path().join("store")));
            }
        }
        let [base, new] = times.map(|mut times| {
            times.sort();
            times[case.rounds / 2]
        });
        println!("{:24} {base:>12.2?} {new:>12.2?} {:6.3}", case.name, new.as_secs_f64() / base.as_secs_f64());
    }
}

fn cases(directory: &Path) -> Vec<Case> {
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let cache = env::var_os("RBINFMT_TEST_CACHE").map_or_else(|| "tests/.cache".into(), PathBuf::from);
    let emulators = fs::canonicalize(cache.join("qemu")).map(|path| path.to_str().unwrap().to_owned());
    let mut cases = vec![
        Case::new("doctor FILE", SHORT, &["doctor", FILE]),
        Case::new("doctor --message", SHORT, &["doctor", "--message", &message()]),
        Case::new("profiles", SHORT, &["profiles"]),
        Case::new("emulators", SHORT, &["emulators"]),
    ];
    match emulators {
        Ok(emulators) => cases.extend(registering(&emulators, &path("emulators.tar.xz"))),
        Err(_) => println!("SKIPPED: install, status, fetch: tests/fixtures.sh has not fetched emulators"),
    }
    let image = path("image.tar");
    must(Command::new("tar").arg("-cf").arg(directory.join("layer.tar")).args(["-C", "/", "usr/bin"]));
    save(directory, Path::new(&image));
    let packed = [("gzip", "image.tar.gz"), ("zstd", "image.tar.zst")].map(|(program, name)| (program, path(name)));
    for (program, packed) in &packed {
        let output = fs::File::create(packed).unwrap();
        assert!(Command::new(program).args(["-1", "-c", &image]).stdout(output).status().unwrap().success());
    }
    let archive = format!("docker-archive:{image}");
    cases.push(Case::new("doctor IMAGE", LONG, &["doctor", &archive]));
    cases.push(Case::new("doctor --verify IMAGE", LONG, &["doctor", "--verify", &archive]));
    for (name, (_, packed)) in ["doctor IMAGE, gzip", "doctor IMAGE, zstd"].into_iter().zip(&packed) {
        cases.push(Case::new(name, LONG, &["doctor", &format!("docker-archive:{packed}")]));
    }
    match env::var("RBINFMT_MIRROR") {
        Ok(mirror) => cases.push(Case::new("fetch, mirror", LONG, &["fetch", "-q", "--mirror", &mirror, "aarch64"])),
        Err(_) => println!("SKIPPED: fetch, mirror: RBINFMT_MIRROR names no mirror"),
    }
    cases
}

/// With this machine's fetched emulators, of which an archive is made too.
fn registering(emulators: &str, archive: &str) -> Vec<Case> {
    let names = ["arm64", "arm", "ppc64le", "s390x", "riscv64", "mips64el", "loong64", "ppc", "sparc64", "alpha"];
    let install = [&["install", "--no-verify", "--emulators", emulators][..], &names].concat();
    let files = ["aarch64", "arm", "riscv64", "s390x"].map(|name| format!("qemu-{name}-static"));
    must(Command::new("tar").args(["-I", "xz -1", "-cf", archive, "-C", emulators]).args(files));
    vec![
        Case::new("install", SHORT, &install).after(&["uninstall", "qemu-*"]),
        Case::new("install, nothing to do", SHORT, &install).after(&install),
        Case::new("status", SHORT, &["status", "--no-verify"]).after(&install),
        Case::new("fetch, archive", LONG, &["fetch", "-q", "--jobs", "1", "--from", archive]),
    ]
}

/// The end of a build's log, 10 KB.
fn message() -> String {
    let mut text = String::new();
    for at in 0..130 {
        text += &format!("#12 {at}.345 Get:{at} http://example.org/debian bookworm/main arm64 libfoo{at} [151 kB]\n");
    }
    text + "#12 131.1 exec /bin/nowhere: exec format error\nERROR: failed to solve: exit code: 1\n"
}

/// CPU time, with that of the processes it starts: what others do on the machine does not count.
fn run(program: &Path, case: &Case, store: &Path) -> Duration {
    let command = |args: &[String]| {
        let mut command = Command::new(program);
        command.args(args).env("RBINFMT_STORE", store).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let _ = fs::remove_dir_all(store);
    if let Some(before) = &case.before {
        must(&mut command(before));
    }
    // The doctor's status tells what it found.
    let (time, status) = time_of_children(|| command(&case.args).status().unwrap());
    assert!(status.success() || case.args[0] == "doctor", "{}: {status}", case.name);
    time
}
