//! One byte of what is fetched is another: it is refused, or it is one that does not matter, and the emulator is what it was.
//! The true bytes are fetched afterwards, whatever the others left.

use std::collections::BTreeMap;

use rbinfmt::emulators::From;

use crate::common::{World, deb, tar, xz};
use crate::extent::{Extent, Report};
use crate::random::Random;
use crate::served::{Both, Came, Served, fetch, patient, truth};

const FEW: usize = 28;
/// What nothing verifies as a whole: a package that is given, and what a tag stands for.
const PACKAGE: &str = "package";
const TAGGED: &str = "tagged index";

pub(crate) fn run(extent: &Extent) -> Report {
    let mut report = Report::default();
    let both = Both::make();
    let package = deb(&xz(&tar(&[("./usr/bin/qemu-arm-static", &truth())])), ".xz");
    let sources = [Some(&both.mirror), Some(&both.registry), None];
    let mut random = Random::new(extent.seed);
    let (mut done, mut refused) = (0, BTreeMap::new());
    while extent.goes_on(done, FEW) {
        let (name, came) = match sources[done % sources.len()] {
            Some(served) => of_server(served, &mut random),
            None => of_package(&package, &mut random),
        };
        done += 1;
        let (refusals, all) = refused.entry(name.clone()).or_insert((0, 0));
        *all += 1;
        match came {
            Came::Whole => {}
            Came::Refused(_) => *refusals += 1,
            Came::Wrong(what) => report.wrong(format!("{name}: {what}")),
        }
    }
    report.count("mutations", done);
    for (name, (refusals, all)) in refused {
        // What is verified by a signature or a digest has no byte that does not matter.
        if name != PACKAGE && name != TAGGED && refusals < all {
            report.wrong(format!("{name}: {} of {all} were not refused", all - refusals));
        }
        report.count(name, format!("{refusals} of {all} refused"));
    }
    report
}

/// Another byte at a place of these.
fn mutate(bytes: &[u8], random: &mut Random) -> (Vec<u8>, String) {
    let (at, bits) = (random.below(bytes.len()), 1 + random.below(255) as u8);
    let mut bytes = bytes.to_vec();
    bytes[at] ^= bits;
    (bytes, format!("byte {at} ^ {bits:#04x}"))
}

fn of_server(served: &Served, random: &mut Random) -> (String, Came) {
    let (path, bytes) = random.pick(&served.files);
    let (mutated, what) = mutate(bytes, random);
    let server = served.serve();
    server.put(path, &mutated);
    let world = served.world(&server);
    let came = served.fetch(&world, &server);
    server.put(path, bytes);
    (kind_of(path), and_then(came, &what, || served.fetch(&world, &server)))
}

fn of_package(package: &[u8], random: &mut Random) -> (String, Came) {
    let mut world = World::default();
    patient(&mut world);
    let (mutated, what) = mutate(package, random);
    let from = From::Path(world.write("x.deb", &mutated));
    let came = fetch(&world, &from);
    world.write("x.deb", package);
    (PACKAGE.into(), and_then(came, &what, || fetch(&world, &from)))
}

/// Then the true bytes come, and have to be accepted.
fn and_then(came: Came, what: &str, again: impl FnOnce() -> Came) -> Came {
    match (came, again()) {
        (Came::Wrong(why), _) => Came::Wrong(format!("{what}: {why}")),
        (came, Came::Whole) => came,
        (_, after) => Came::Wrong(format!("{what}: the true bytes afterwards: {after:?}")),
    }
}

/// What a file of a mirror or of a registry is.
fn kind_of(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap();
    let kinds = [("InRelease", "InRelease"), (".xz", "index of packages"), (".deb", "signed package"), ("1", TAGGED)];
    let kind = kinds.iter().find(|(end, _)| name.ends_with(end) && !name.starts_with("sha256:"));
    kind.map_or(path.rsplit('/').nth(1).unwrap(), |(_, kind)| kind).to_owned()
}
