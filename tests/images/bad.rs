//! Input that nobody should have to read: it is refused in clear words. What would take much is in tests/campaigns.

use proptest::prelude::*;
use rbinfmt::exec::root::Root;
use rbinfmt::exec::tree::{Body, Meta, Node, Tree};
use rbinfmt::verify::Digest;

use crate::World;
use crate::make::{Image, Layer, OWN, gzip, image, layout, program, tar_of, write_layout};

fn sound() -> Image {
    image(&format!("linux/{OWN}"), &["/app"], vec![Layer::new().file("app", 0o755, program(OWN))])
}

fn refused(world: &World, args: &[&str], word: &str) {
    let (code, text, errors) = world.doctor(args);
    assert!(code == 3 && text.is_empty() && errors.contains(word), "{args:?}: {code} {text} {errors}");
    assert!(!errors.contains("panicked"), "{errors}");
}

#[test]
fn no_image_at_all() {
    let world = World::new();
    world.write("garbage", &b"no image at all ".repeat(100));
    world.write("empty", b"");
    world.write("files.tar", &Layer::new().file("etc/passwd", 0o644, "x").tar());
    world.write("lists.tar", &Layer::new().file("manifest.json", 0o644, "[]").tar());
    world.write("null.tar", &Layer::new().file("manifest.json", 0o644, "null").tar());
    refused(&world, &["docker-archive:none"], "No such file");
    refused(&world, &["docker-archive:garbage"], "broken tar");
    refused(&world, &["docker-archive:empty"], "there is no manifest.json");
    refused(&world, &["docker-archive:files.tar"], "--root DIR");
    refused(&world, &["oci-archive:files.tar"], "there is no index.json");
    refused(&world, &["docker-archive:null.tar"], "invalid type");
    refused(&world, &["oci:table"], "index.json");
    assert_eq!(world.doctor(&["docker-archive:lists.tar"]).0, 2);
    assert_eq!(world.doctor(&["docker-archive:"]).0, 2);
    // No file, and no engine here has it: what is said of a file stands.
    let (code, text, errors) = world.doctor(&["nobody-has-this-file"]);
    assert!(code == 1 && text.contains("ENOENT") && errors.contains("docker://NAME"), "{text}{errors}");
}

#[test]
fn wrong_digests_are_refused_with_both() {
    let world = World::new();
    let image = sound().packed("gzip");
    let mut files = layout("v1", &[&image]);
    let layer = files.iter_mut().find(|(_, bytes)| bytes.starts_with(&[0x1f, 0x8b])).unwrap();
    // Another gzip of the same length: one byte of the operating system's field differs.
    layer.1[9] ^= 1;
    let (expected, came) = (layer.0[13..].to_owned(), Digest::of(&layer.1).to_string());
    write_layout(&world.path("layout"), &files);
    refused(&world, &["oci:layout"], &format!("expected SHA-256 {expected}, {came} came"));
    world.write("oci.tar.gz", &gzip(&tar_of(&files)));
    refused(&world, &["oci-archive:oci.tar.gz"], &format!("expected SHA-256 {expected}, {came} came"));

    // The configuration of a plain archive is always verified, its layers with --verify.
    let saved = String::from_utf8_lossy(&sound().docker_archive("a:1")).into_owned();
    assert!(saved.contains("\"architecture\""));
    let mut bytes = sound().docker_archive("a:1");
    let at = bytes.windows(14).position(|w| w == b"\"architecture\"").unwrap();
    bytes[at + 1] = b'A';
    world.write("config.tar", &bytes);
    refused(&world, &["docker-archive:config.tar"], "its name should be its SHA-256");
    let mut bytes = sound().docker_archive("a:1");
    let at = bytes.windows(4).position(|w| w == b"\x7fELF").unwrap();
    bytes[at + program(OWN).len() - 1] ^= 1;
    world.write("layer.tar", &bytes);
    assert_eq!(world.doctor(&["docker-archive:layer.tar"]).0, 0);
    refused(&world, &["--verify", "docker-archive:layer.tar"], "expected SHA-256");
}

#[test]
fn layers_that_are_none_and_archives_cut_short() {
    let world = World::new();
    let with = |layer: Vec<u8>| {
        let mut image = sound();
        image.layers = vec![layer];
        image
    };
    let text = b"this is no tar; ".repeat(100);
    for args in [&["docker-archive:x.tar"][..], &["--verify", "docker-archive:x.tar"], &["docker-archive:x.tar.gz"]] {
        world.write("x.tar", &with(text.clone()).docker_archive("a:1"));
        world.write("x.tar.gz", &gzip(&with(text.clone()).docker_archive("a:1")));
        refused(&world, args, "it is not a layer");
    }
    let names = |path: &str| Layer::new().file("first", 0o644, "").hard("second", path).tar();
    world.write("x.tar", &with(names("none")).docker_archive("a:1"));
    refused(&world, &["docker-archive:x.tar"], "a hard link to something that is not there");
    world.write("x.tar", &with(names("../../etc/passwd")).docker_archive("a:1"));
    refused(&world, &["docker-archive:x.tar"], "leaves the image with ..");

    let whole = sound().docker_archive("a:1");
    for bytes in [whole.clone(), gzip(&whole)] {
        for part in 1..40 {
            world.write("cut", &bytes[..bytes.len() * part / 40]);
            let (code, text, errors) = world.doctor(&["docker-archive:cut"]);
            // The last blocks of a tar are zeros that nobody misses.
            let is_whole = code == 0 && part > 30;
            assert!(
                is_whole || (code == 3 && text.is_empty() && !errors.contains("panicked")),
                "{part}: {text} {errors}"
            );
        }
    }
}

fn node(kind: u8) -> Node {
    let body = match kind % 4 {
        0 => Body::Directory(Default::default()),
        1 => Body::Link("a/../b".into()),
        2 => Body::Link("/c/./a".into()),
        _ => Body::Special(libc_fifo()),
    };
    Node { meta: Meta { mode: 0o755, uid: 0, gid: 0 }, body }
}

fn libc_fifo() -> u32 {
    0o010_000
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is done to a tree, walks in it end, stay inside and do not crash.
    #[test]
    fn no_changes_break_a_tree(steps in proptest::collection::vec((0u8..5, "[abc./]{0,8}", "[abc./]{0,8}", any::<u8>()), 0..60)) {
        let mut tree = Tree::default();
        let mut paths = Vec::new();
        for (what, path, other, kind) in &steps {
            match what {
                0 | 1 => drop(tree.put(path.as_bytes(), node(*kind))),
                2 => drop(tree.link(path.as_bytes(), other.as_bytes())),
                3 => tree.remove(path.as_bytes()),
                _ => tree.clear(path.as_bytes()),
            }
            paths.extend([path.clone(), other.clone()]);
        }
        prop_assert!(tree.files(|_| true).count() < 1000);
        let root = Root::tree(std::sync::Arc::new(tree), b"/a");
        for path in &paths {
            let _ = root.open(path.as_bytes());
        }
    }
}
