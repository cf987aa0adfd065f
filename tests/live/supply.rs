//! From nothing to a foreign program that runs, and from one version to another and back: with the real Debian archive.

use std::path::Path;
use std::time::Duration;

use rbinfmt::emulators::debian::mirror::{self, Wish};
use rbinfmt::http::proxy::Proxies;
use rbinfmt::http::{Client, Options};

use crate::common::{Lab, Need, lab_of, script, skipped};

/// A lab with an empty store, where the mirror of the host's apt answers.
fn lab() -> Option<Lab> {
    let mirror = mirror::choose(&Wish::default(), Path::new("/"));
    if mirror.named_by == "built in" || mirror.keyring.is_some() {
        return skipped(Need::Setup, "the host's apt names no mirror of Debian");
    }
    let options = Options {
        proxies: Proxies::of_environment(),
        connect: Duration::from_secs(5),
        retries: 1,
        ..Options::default()
    };
    if Client::new(options).small(&format!("{}/dists/stable/InRelease", mirror.url), 8 << 20).is_err() {
        return skipped(Need::Setup, "the mirror of the host's apt does not answer");
    }
    let lab = lab_of("arm64")?;
    let store = lab.scratch().join("store").display().to_string();
    Some(lab.env("RBINFMT_STORE", &store))
}

#[test]
fn a_bare_machine_needs_one_command() {
    if std::fs::read_dir("/usr/bin").unwrap().flatten().any(|f| f.file_name() == "qemu-aarch64-static") {
        return skipped(Need::Setup, "this machine has emulators in /usr/bin").unwrap_or(());
    }
    let Some(lab) = lab() else { return };
    lab.run(&script("live/supply/a_bare_machine_needs_one_command"));
}

#[test]
fn another_version_and_back_while_programs_run() {
    let Some(lab) = lab() else { return };
    lab.run(&script("live/supply/another_version_and_back_while_programs_run"));
}

#[test]
fn what_the_doctor_upgrades() {
    let Some(lab) = lab() else { return };
    lab.run(&script("live/supply/what_the_doctor_upgrades"));
}
