//! Fetching all emulators, and one, from a mirror on loopback, beside `curl`, `sha256sum` and `dpkg-deb -x` of the same
//! package one after the other. Prints ratios: below 1 is faster. `cargo bench --bench fetch`
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

#[path = "../tests/fetch/common/server.rs"]
#[allow(dead_code, unreachable_pub)]
mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rbinfmt::emulators::debian::mirror::{self, Wish};
use rbinfmt::emulators::debian::release::Release;
use rbinfmt::http::{Client, Options, proxy::Proxies};
use server::Server;

const ROUNDS: usize = 5;
const SUITE: &str = "oldstable";

fn main() {
    let root = PathBuf::from("/");
    let real = mirror::choose(&Wish::default(), &root);
    let client = Client::new(Options { proxies: Proxies::of_environment(), ..Options::default() });
    let fetch = |path: &str| client.small(&format!("{}/{path}", real.url), 200 << 20).ok().flatten();
    let inrelease = format!("dists/{SUITE}/InRelease");
    let missing = ["curl", "sha256sum", "dpkg-deb"]
        .into_iter()
        .find(|program| Command::new(program).arg("--version").output().is_err());
    let (None, Some(signed)) = (missing, fetch(&inrelease)) else {
        return println!("SKIPPED: needs curl, sha256sum, dpkg-deb and a mirror of Debian");
    };
    let mirror = Server::start();
    mirror.put(&format!("/{inrelease}"), &signed);
    let text = String::from_utf8(signed).unwrap();
    let text = text.split_once("\n\n").unwrap().1.split("-----BEGIN").next().unwrap();
    let index = Release::parse("InRelease", text, SUITE).unwrap().packages("main", "amd64").unwrap();
    let path = format!("dists/{SUITE}/{}", index.path);
    let packages = fetch(&path).unwrap();
    mirror.put(&format!("/{path}"), &packages);
    mirror.put(&format!("/dists/{SUITE}/{}", index.by_hash()), &packages);
    // The package is what a first fetch asks for.
    let directory = tempfile::tempdir().unwrap();
    fetch_with(&directory.path().join("try"), &mirror, &["aarch64"]);
    let package = mirror.requests().into_iter().find(|r| r.contains(".deb")).unwrap();
    let package = package.split(' ').next().unwrap().to_owned();
    mirror.put(&package, &fetch(package.trim_start_matches('/')).unwrap());

    let url = format!("{}{package}", mirror.url);
    let mut times: Vec<[Duration; 4]> = Vec::new();
    let mut memory = 0;
    for round in 0..ROUNDS {
        let place = |name: &str| directory.path().join(format!("{name}{round}"));
        let classic = by_hand(&url, &place("hand"));
        let (all, peak) = fetch_with(&place("all"), &mirror, &[]);
        memory = memory.max(peak);
        let (first, _) = fetch_with(&place("first"), &mirror, &["aarch64"]);
        let (late, _) = fetch_with(&place("late"), &mirror, &["x86_64"]);
        times.push([classic, all, first, late]);
        for name in ["hand", "all", "first", "late"] {
            std::fs::remove_dir_all(place(name)).unwrap();
        }
    }
    let median = |column: usize| {
        let mut column: Vec<Duration> = times.iter().map(|row| row[column]).collect();
        column.sort();
        column[ROUNDS / 2]
    };
    println!("{package}: curl, sha256sum, dpkg-deb -x: {:.2?}", median(0));
    for (column, name) in [(1, "all emulators"), (2, "the first in the package (aarch64)"), (3, "a late one (x86_64)")]
    {
        let ratio = median(column).as_secs_f64() / median(0).as_secs_f64();
        println!("{name}: {:.2?}, ratio {ratio:.2}", median(column));
    }
    println!("peak memory for all: {} MB", memory / 1000);
}

fn by_hand(url: &str, place: &Path) -> Duration {
    std::fs::create_dir(place).unwrap();
    let start = Instant::now();
    for command in
        [vec!["curl", "-sS", "-o", "p.deb", url], vec!["sha256sum", "p.deb"], vec!["dpkg-deb", "-x", "p.deb", "x"]]
    {
        let done =
            Command::new(command[0]).args(&command[1..]).current_dir(place).stdout(Stdio::null()).status().unwrap();
        assert!(done.success());
    }
    start.elapsed()
}

/// How long it took, and the peak of its memory in kilobytes.
fn fetch_with(store: &Path, mirror: &Server, archs: &[&str]) -> (Duration, u64) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rbinfmt"));
    command.args(["fetch", "-q", "--suite", SUITE, "--mirror", &mirror.url]).args(archs);
    command.env("RBINFMT_STORE", store).stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        peak = peak.max(line.and_then(|l| l.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    }
    (start.elapsed(), peak)
}
