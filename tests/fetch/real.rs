//! The real Debian archive, through the mirror of the host's own apt.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::common::{Need, World, skipped, these};
use rbinfmt::emulators::debian::mirror::{self, Wish};
use rbinfmt::emulators::{Fetcher, From, Use, Which};
use rbinfmt::http::{Client, Options, proxy::Proxies};
use rbinfmt::progress::Quiet;

#[test]
fn the_chain_holds_against_the_real_archive() {
    let root = PathBuf::from("/");
    let mirror = mirror::choose(&Wish::default(), &root);
    if mirror.named_by == "built in" || mirror.keyring.is_some() {
        return skipped(Need::Setup, "the host's apt names no mirror of Debian").unwrap_or(());
    }
    let options = Options {
        proxies: Proxies::of_environment(),
        connect: Duration::from_secs(5),
        retries: 1,
        ..Options::default()
    };
    let client = Client::new(options);
    if client.small(&format!("{}/dists/stable/InRelease", mirror.url), 8 << 20).is_err() {
        return skipped(Need::Setup, "the mirror of the host's apt does not answer").unwrap_or(());
    }
    let world = World::default();
    let fetcher = Fetcher {
        store: &world.store,
        client: &client,
        machine: std::env::consts::ARCH.to_owned(),
        root,
        config: world.config.clone(),
        wish: Wish::default(),
        docker_config: None,
        policy: world.policy.clone(),
        progress: &Quiet,
    };
    // Two suites, two packages: qemu-user-static of the older, qemu-user of the newer. Versions come from the indices.
    for suite in ["oldstable", "stable"] {
        let from = From::Debian { which: Which::Latest, suite: Some(suite.into()) };
        let found = fetcher.ensure_or_say(&from);
        let emulator = &found[0];
        let output = loop {
            match Command::new(&emulator.path).arg("--version").output() {
                // A child that another test makes at this moment has the file open for writing until it executes its program.
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {}
                output => break output.unwrap(),
            }
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let reports = world.store.find(&emulator.id).unwrap().emulators["aarch64"].reports.clone().unwrap();
        assert!(said.contains(&reports), "{said} {reports}");
        eprintln!("{suite}: {} reports {reports}", emulator.version);
    }
    assert_eq!(world.valid().len(), 2);
}

trait OrSay {
    fn ensure_or_say(&self, from: &From) -> Vec<rbinfmt::emulators::Emulator>;
}

impl OrSay for Fetcher<'_> {
    fn ensure_or_say(&self, from: &From) -> Vec<rbinfmt::emulators::Emulator> {
        self.ensure(&these(&["aarch64"]), Some(from), Use::Always).unwrap_or_else(|e| panic!("{e}"))
    }
}
