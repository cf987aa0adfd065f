//! Directories, package files, images as files: what is taken, and what is refused.
#![allow(clippy::unwrap_used)]

use crate::common;
use crate::common::{World, deb, elf, emulator, member, pipe, tar, these, xz};
use rbinfmt::emulators::{From, Wanted};
use rbinfmt::verify::Digest;
use tar::EntryType;

fn path(world: &World, name: &str) -> Option<From> {
    Some(From::Path(world.path().join(name)))
}

#[test]
fn every_kind_of_package_is_read() {
    let arm = emulator("arm", "8.2.1", 900_000);
    let plain =
        tar(&[("usr/share/doc/x", b"text"), ("usr/bin/qemu-arm-static", &arm), ("./usr/bin/qemu-img", b"no emulator")]);
    let gz = pipe("gzip", &["-c"], &plain);
    let xzed = xz(&plain);
    let one_block = pipe("xz", &["-c"], &plain);
    let mut files = vec![
        ("a.tar", plain.clone()),
        ("a.tar.gz", gz.clone()),
        ("a.tar.xz", xzed.clone()),
        ("b.tar.xz", one_block),
        ("a.deb", deb(&xzed, ".xz")),
        ("b.deb", deb(&gz, ".gz")),
        ("c.deb", deb(&plain, "")),
    ];
    if common::has("zstd") {
        let half = plain.len() / 2;
        let frames = [pipe("zstd", &["-c"], &plain[..half]), pipe("zstd", &["-c"], &plain[half..])].concat();
        files.push(("a.tar.zst", frames.clone()));
        files.push(("d.deb", deb(&frames, ".zst")));
    } else {
        common::skipped::<()>(common::Need::Setup, "zstd is not installed");
    }
    for (name, bytes) in files {
        for jobs in [1, 3] {
            let mut world = World::default();
            world.policy.jobs = jobs;
            world.write(name, &bytes);
            let found = world.ensure(&Wanted::All, path(&world, name).as_ref()).unwrap();
            assert_eq!((found.len(), found[0].arch.as_str(), found[0].version.as_str()), (1, "arm", "8.2.1"), "{name}");
            assert_eq!(std::fs::read(&found[0].path).unwrap(), arm, "{name}");
            // Cut anywhere, it is an error.
            for part in [1, 10, bytes.len() / 3, bytes.len() - 40_000] {
                world.write(name, &bytes[..part]);
                world.refusal(&these(&["arm"]), path(&world, name).as_ref());
            }
        }
    }
}

#[test]
fn one_emulator_is_found_in_any_block_and_any_order() {
    let mut archs =
        ["aarch64", "aarch64_be", "alpha", "arm", "armeb", "hppa", "mips", "mips64", "ppc", "s390x", "sh4", "x86_64"];
    for _ in 0..2 {
        let files: Vec<(String, Vec<u8>)> =
            archs.iter().map(|a| (format!("./usr/bin/qemu-{a}-static"), emulator(a, "8.2.1", 150_000))).collect();
        let members: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
        let world = World::default();
        let package = deb(&xz(&tar(&members)), ".xz");
        world.write("a.deb", &package);
        // Only what was verified by a hash is not read to its end.
        world.write("SHA256SUMS", format!("{}  a.deb\n", Digest::of(&package)).as_bytes());
        for arch in archs {
            let found = world.ensure(&these(&[arch]), path(&world, "a.deb").as_ref()).unwrap();
            assert_eq!(std::fs::read(&found[0].path).unwrap(), emulator(arch, "8.2.1", 150_000), "{arch}");
        }
        assert!(world.refusal(&these(&["riscv64"]), path(&world, "a.deb").as_ref()).contains("none for riscv64"));
        // The same in no order.
        archs.reverse();
        archs.swap(2, 7);
    }
}

#[test]
fn a_changed_byte_in_an_archive_is_noticed_or_harmless() {
    let plain = tar(&[("qemu-arm", &emulator("arm", "1", 700_000))]);
    let bytes = xz(&plain);
    let mut refused = 0;
    for at in (13..bytes.len()).step_by(bytes.len() / 23) {
        let world = World::default();
        let mut changed = bytes.clone();
        changed[at] ^= 0x55;
        world.write("a.tar.xz", &changed);
        // A byte of padding may change nothing.
        match world.ensure(&these(&["arm"]), path(&world, "a.tar.xz").as_ref()) {
            Ok(found) => assert_eq!(std::fs::read(&found[0].path).unwrap(), emulator("arm", "1", 700_000)),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn members_that_are_no_emulators_are_refused() {
    let good = emulator("arm", "1", 5000);
    let other = if cfg!(target_arch = "aarch64") { 62 } else { 183 };
    let own = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    let foreign = elf(other, 1, "arm", "1", 5000);
    let dynamic = elf(own, 3, "arm", "1", 5000);
    let cases: [(&str, EntryType, &[u8], &str); 10] = [
        ("/usr/bin/qemu-arm", EntryType::Regular, &good, "absolute path"),
        ("../qemu-arm", EntryType::Regular, &good, "leaves its directory"),
        ("a/../../qemu-arm", EntryType::Regular, &good, "leaves its directory"),
        ("bin/qemu-arm", EntryType::Symlink, b"", "it is a link"),
        ("bin/qemu-arm", EntryType::Link, b"", "it is a link"),
        ("bin/qemu-arm", EntryType::Char, b"", "it is a device"),
        ("bin/qemu-arm", EntryType::Fifo, b"", "it is a device"),
        ("bin/qemu-arm", EntryType::Regular, &foreign, "for another machine: built for"),
        ("bin/qemu-arm", EntryType::Regular, &dynamic, "not static"),
        ("bin/qemu-arm", EntryType::Regular, b"#!/bin/sh\nexit\n", "not an ELF"),
    ];
    for (name, kind, body, expected) in cases {
        for wanted in [Wanted::All, these(&["arm"])] {
            let world = World::default();
            let mut builder = tar::Builder::new(Vec::new());
            member(&mut builder, name, kind, body, "/bin/sh");
            world.write("a.tar", &builder.into_inner().unwrap());
            let text = world.refusal(&wanted, path(&world, "a.tar").as_ref());
            assert!(text.contains(expected) && text.contains("a.tar"), "{text}");
        }
    }
}

#[test]
fn a_directory_is_taken_and_its_sums_are_checked() {
    let world = World::default();
    let (arm, s390x) = (emulator("arm", "9.1.0", 4000), emulator("s390x", "9.1.0", 4000));
    world.write("d/qemu-arm", &arm);
    world.write("d/qemu-s390x-static", &s390x);
    world.write("d/qemu-img", b"another program");
    let from = path(&world, "d");
    assert_eq!(world.ensure(&Wanted::All, from.as_ref()).unwrap().len(), 2);

    let world = World::default();
    world.write("d/qemu-arm", &arm);
    let from = path(&world, "d");
    world.write("d/SHA256SUMS", format!("{}  qemu-arm\n", Digest::of(&s390x)).as_bytes());
    assert!(world.refusal(&these(&["arm"]), from.as_ref()).contains("expected SHA-256"));
    world.write("d/SHA256SUMS", format!("{}  other\n", Digest::of(&arm)).as_bytes());
    assert!(world.refusal(&these(&["arm"]), from.as_ref()).contains("not listed"));
    world.write("d/SHA256SUMS", format!("{} *qemu-arm\n", Digest::of(&arm)).as_bytes());
    let found = world.ensure(&these(&["arm"]), from.as_ref()).unwrap();
    assert_eq!(found[0].version, "9.1.0");

    let world = World::default();
    let package = tar(&[("qemu-arm", &arm)]);
    world.write("p.tar", &package);
    world.write("SHA256SUMS", format!("{}  p.tar\n", Digest::of(b"")).as_bytes());
    assert!(world.refusal(&these(&["arm"]), path(&world, "p.tar").as_ref()).contains("expected SHA-256"));
    world.write("SHA256SUMS", format!("{}  p.tar\n", Digest::of(&package)).as_bytes());
    world.ensure(&these(&["arm"]), path(&world, "p.tar").as_ref()).unwrap();
}

/// An image in OCI's layout with these layers, lowest first.
pub(crate) fn layout(world: &World, layers: &[Vec<u8>]) {
    let blob = |bytes: &[u8]| {
        world.write(&format!("image/blobs/sha256/{}", Digest::of(bytes)), bytes);
        format!("\"digest\":\"sha256:{}\",\"size\":{}", Digest::of(bytes), bytes.len())
    };
    let layers: Vec<String> = layers.iter().map(|l| format!("{{{}}}", blob(l))).collect();
    let manifest = format!("{{\"schemaVersion\":2,\"config\":{{}},\"layers\":[{}]}}", layers.join(","));
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let index = format!(
        "{{\"manifests\":[{{{0},\"platform\":{{\"os\":\"linux\",\"architecture\":\"mips\"}}}},{{{0},\"platform\":{{\"os\":\"linux\",\"architecture\":\"{arch}\"}}}}]}}",
        blob(manifest.as_bytes())
    );
    world.write("image/index.json", index.as_bytes());
}

#[test]
fn an_image_as_a_directory_is_read_from_its_top() {
    let (old, new) = (emulator("arm", "1.0", 3000), emulator("arm", "2.0", 3000));
    let (sh4, m68k) = (emulator("sh4", "1.0", 3000), emulator("m68k", "1.0", 3000));
    let lower = pipe(
        "gzip",
        &["-c"],
        &tar(&[("usr/bin/qemu-arm", &old), ("usr/bin/qemu-sh4", &sh4), ("usr/bin/qemu-m68k", &m68k)]),
    );
    let upper = tar(&[("usr/bin/.wh.qemu-sh4", b""), ("usr/bin/qemu-arm", &new)]);
    let world = World::default();
    layout(&world, &[lower.clone(), upper]);
    let from = Some(From::OciLayout(world.path().join("image")));
    let found = world.ensure(&Wanted::All, from.as_ref()).unwrap();
    assert_eq!(found.iter().map(|e| e.arch.as_str()).collect::<Vec<_>>(), ["arm", "m68k"]);
    assert_eq!(std::fs::read(&found[0].path).unwrap(), new);
    assert!(world.refusal(&these(&["sh4"]), from.as_ref()).contains("none for sh4"));
    // A changed layer.
    let world = World::default();
    layout(&world, std::slice::from_ref(&lower));
    let mut changed = lower.clone();
    changed[100] ^= 1;
    world.write(&format!("image/blobs/sha256/{}", Digest::of(&lower)), &changed);
    let from = Some(From::OciLayout(world.path().join("image")));
    assert!(world.refusal(&these(&["arm"]), from.as_ref()).contains("expected SHA-256"));
}

#[test]
fn what_docker_save_writes_is_proved_by_its_configuration() {
    let world = World::default();
    let layer = tar(&[("usr/bin/qemu-arm", &emulator("arm", "3.1.0", 3000))]);
    let archive = |layer: &[u8], promised: &[u8]| {
        let config =
            format!("{{\"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"sha256:{}\"]}}}}", Digest::of(promised));
        let name = format!("{}.json", Digest::of(config.as_bytes()));
        let manifest = format!("[{{\"Config\":\"{name}\",\"Layers\":[\"x/layer.tar\"]}}]");
        tar(&[("x/layer.tar", layer), (&name, config.as_bytes()), ("manifest.json", manifest.as_bytes())])
    };
    world.write("good.tar", &archive(&layer, &layer));
    world.write("bad.tar", &archive(&layer, b"another"));
    let from = |name: &str| Some(From::DockerArchive(world.path().join(name)));
    assert!(world.refusal(&these(&["arm"]), from("bad.tar").as_ref()).contains("expected sha256:"));
    assert_eq!(world.ensure(&these(&["arm"]), from("good.tar").as_ref()).unwrap()[0].version, "3.1.0");
}

#[test]
fn sources_are_told_apart_and_wrong_ones_named() {
    assert!(matches!(From::parse("docker://docker.io/a/b:1").unwrap(), From::Registry(_)));
    assert!(matches!(From::parse("oci:d").unwrap(), From::OciLayout(_)));
    assert!(matches!(From::parse("./x.deb").unwrap(), From::Path(_)));
    assert!(From::parse("ftp://x").is_err());
    let world = World::default();
    assert!(world.refusal(&Wanted::All, path(&world, "nothing").as_ref()).contains("No such file"));
    world.write("x.txt", b"just some text, no archive");
    assert!(world.refusal(&Wanted::All, path(&world, "x.txt").as_ref()).contains("unknown kind of archive"));
    world.write("e/readme", b"");
    assert!(world.refusal(&Wanted::All, path(&world, "e").as_ref()).contains("none in it"));
}
