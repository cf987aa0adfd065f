//! Layers with sparse files, as real archivers write them.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::process::Command;

use crate::common::{Need, skipped};
use crate::make::{Image, OWN, dynamic, image};
use crate::{World, ids};

const LOADER: &str = "/lib/no-such-loader";
/// Where the name of the loader is: a hole is before it.
const AT: u64 = 1 << 20;

/// A tar of a program with a hole before the name of its loader.
fn layer(world: &World, writer: &[&str]) -> Option<Vec<u8>> {
    let directory = world.path("layer");
    fs::create_dir_all(&directory).unwrap();
    let mut head = dynamic(OWN, LOADER);
    head.truncate(4096);
    head[72..80].copy_from_slice(&AT.to_le_bytes());
    let file = File::create(directory.join("app")).unwrap();
    file.write_all_at(&head, 0).unwrap();
    file.write_all_at(format!("{LOADER}\0").as_bytes(), AT).unwrap();
    Command::new("chmod").arg("+x").arg(directory.join("app")).status().unwrap();
    let tar = Command::new(writer[0]).args(&writer[1..]).args(["-cf", "-", "-C"]).arg(&directory).arg("app").output();
    match tar {
        Ok(output) => {
            assert!(output.status.success(), "{output:?}");
            // It is sparse indeed.
            assert!((output.stdout.len() as u64) < AT, "{writer:?}: {}", output.stdout.len());
            Some(output.stdout)
        }
        Err(error) => skipped(Need::Setup, &format!("{}: {error}", writer[0])),
    }
}

#[test]
fn what_is_after_a_hole_is_read() {
    let writers: [&[&str]; 5] = [
        &["tar", "--sparse"],
        &["tar", "--sparse", "--format=posix", "--sparse-version=0.0"],
        &["tar", "--sparse", "--format=posix", "--sparse-version=0.1"],
        &["tar", "--sparse", "--format=posix", "--sparse-version=1.0"],
        &["bsdtar"],
    ];
    for writer in writers {
        let world = World::new();
        let Some(layer) = layer(&world, writer) else { continue };
        let image: Image = image(&format!("linux/{OWN}"), &["/app"], vec![]);
        let image = Image { layers: vec![layer], ..image };
        world.write("seek.tar", &image.docker_archive("a:1"));
        crate::make::write_layout(&world.path("streamed"), &crate::make::layout("v1", &[&image.packed("gzip")]));
        for name in ["docker-archive:seek.tar", "oci:streamed"] {
            let (_, exam) = world.judged(name);
            assert_eq!(ids(&exam["platforms"][0]), ["missing-elf-loader"], "{writer:?} {name}: {exam}");
            assert!(exam.to_string().contains(LOADER), "{writer:?} {name}: {exam}");
        }
    }
}
