//! Campaigns beside the one of tests/faults, each of which counts what it tried and says what must not be:
//!
//! - `concurrency`: entries are swapped while foreign programs run, by two rbinfmt at once, and beside another tool
//! - `hold`: a process that keeps the table, while others remove, replace and disable its entries
//! - `hostile`: images, packages and texts that take more than they should, measured
//! - `mutation`: one byte of a mirror's, a registry's or a package's is another
//! - `servers`: every way in which a server can misbehave, at every file that is asked of it
//! - `trees`: `--root` of a tree whose directories are swapped for links meanwhile
//!
//! usage: cargo test --test campaigns                  a few of each, the same in every run
//!        cargo test --test campaigns -- NAME [--seconds N] [--seed N] [--program FILE]
//!
//! `--program` is another build of rbinfmt than the one of this test. docs/reliability.md has the last results.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

#[path = "../fetch/common/mod.rs"]
mod common;
mod concurrency;
mod extent;
mod hold;
mod hostile;
#[allow(dead_code, unreachable_pub, missing_docs, reason = "each test program uses its part")]
#[path = "../images/make.rs"]
mod make;
mod mutation;
#[allow(dead_code, reason = "each test program uses its part")]
#[path = "../faults/other.rs"]
mod other;
#[path = "../common/random.rs"]
mod random;
mod served;
mod servers;
mod trees;
#[allow(dead_code, reason = "each test program uses its part")]
#[path = "../faults/world.rs"]
mod world;

use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use common::{Need, skipped};
use extent::{Extent, Options, Report};
use rbinfmt::sandbox::Sandbox;

struct Campaign {
    name: &'static str,
    /// How long it is where nothing is said.
    seconds: u64,
    place: Place,
    run: fn(&Extent) -> Report,
}

/// Where it runs.
#[derive(PartialEq)]
enum Place {
    /// In a root directory with a table of its own.
    Root,
    /// In directories that are thrown away.
    Here,
}

const CAMPAIGNS: [Campaign; 6] = [
    Campaign { name: "concurrency", seconds: 60, place: Place::Root, run: concurrency::run },
    Campaign { name: "hold", seconds: 3600, place: Place::Root, run: hold::run },
    Campaign { name: "hostile", seconds: 60, place: Place::Here, run: hostile::run },
    Campaign { name: "mutation", seconds: 60, place: Place::Here, run: mutation::run },
    Campaign { name: "servers", seconds: 60, place: Place::Here, run: servers::run },
    Campaign { name: "trees", seconds: 60, place: Place::Root, run: trees::run },
];

fn main() -> ExitCode {
    let options = Options::read();
    match &options.part {
        Some(part) => {
            let campaign = CAMPAIGNS.iter().find(|campaign| campaign.name == *part).unwrap();
            if let Some(root) = &options.root {
                world::enter(root, &root.parent().unwrap().join("given"), &options.program);
            }
            (campaign.run)(&options.extent()).print(campaign.name, &options)
        }
        None if options.list => ExitCode::SUCCESS,
        None => supervise(&options),
    }
}

/// Starts each campaign as a process of its own, all at once.
fn supervise(options: &Options) -> ExitCode {
    let scratch = tempfile::tempdir().unwrap();
    let chosen = |campaign: &&Campaign| options.names.is_empty() || options.names.iter().any(|n| n == campaign.name);
    let missing = Sandbox::missing();
    let mut running = Vec::new();
    for campaign in CAMPAIGNS.iter().filter(chosen) {
        match &missing {
            Some(why) if campaign.place == Place::Root => {
                skipped::<()>(Need::Namespaces, &format!("the campaign {}: {why}", campaign.name));
            }
            _ => running.push(start(campaign, options, scratch.path())),
        }
    }
    // What they print comes in their order, and all of it.
    let ended = running.into_iter().map(|child| {
        let output = child.wait_with_output().unwrap();
        print!("{}", String::from_utf8_lossy(&output.stdout));
        output.status.success()
    });
    if ended.filter(|well| !well).count() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn start(campaign: &Campaign, options: &Options, scratch: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(options.words(campaign.name, campaign.seconds)).stdin(Stdio::null()).stdout(Stdio::piped());
    if campaign.place == Place::Root {
        if !scratch.join("given").exists() {
            world::make_emulators(scratch);
        }
        let root = scratch.join(campaign.name);
        std::fs::create_dir(&root).unwrap();
        command.arg("--root").arg(root);
        Sandbox { table: true }.enclose(&mut command);
    }
    command.spawn().unwrap()
}
