//! The fuzzer's targets as ordinary tests: each file of fuzz/corpus, and inputs made of them, the same ones in every run.
//!
//!     RBINFMT_CASES=1000000 cargo test --release --test fuzz      more of them; 10,000 for each target otherwise

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../fuzz/bodies.rs"]
mod bodies;
#[path = "common/random.rs"]
mod random;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use bodies::TARGETS;
use random::Random;

/// No input is longer.
const LONGEST: usize = 1 << 16;

fn fuzz(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

fn names(directory: &str) -> BTreeSet<String> {
    let paths = fs::read_dir(fuzz(directory)).unwrap().map(|item| item.unwrap().path());
    paths.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn every_target_has_a_corpus_and_is_run_here() {
    let here: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("corpus"), here);
    assert_eq!(names("fuzz_targets"), here);
}

#[test]
fn the_corpus_and_what_is_made_of_it() {
    let cases = std::env::var("RBINFMT_CASES").map_or(10_000, |text| text.parse().unwrap());
    std::thread::scope(|scope| {
        for (name, target) in TARGETS {
            scope.spawn(move || run(name, target, cases));
        }
    });
}

fn run(name: &str, target: fn(&[u8]), cases: usize) {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(fuzz("corpus").join(name)).unwrap().map(|item| item.unwrap().path()).collect();
    paths.sort();
    let corpus: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    let mut random = Random::new(1);
    let made = (0..cases).map(|_| mutate(&mut random, &corpus));
    for input in [Vec::new()].into_iter().chain(corpus.iter().cloned()).chain(made) {
        if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
            fs::write(&path, &input).unwrap();
            panic!("{name} fails on {}: mended, it belongs into fuzz/corpus/{name}", path.display());
        }
    }
}

/// One of the corpus, changed in a few places.
fn mutate(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = random.pick(corpus).clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        let end = bytes.len().min(at + 1 + random.below(16));
        match random.below(8) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
            1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.byte()),
            // What numbers and texts break at.
            2 => {
                let value = *random.pick(&[0, 1, 0x7f, 0xff, 0x7fff_ffff, 0xffff_ffff, 1 << 63, u64::MAX]);
                let value = if random.one_in(2) { value.to_le_bytes() } else { value.to_be_bytes() };
                let width = *random.pick(&[1, 2, 4, 8]);
                bytes.iter_mut().skip(at).zip(value.into_iter().take(width)).for_each(|(byte, new)| *byte = new);
            }
            3 => {
                let text =
                    random.bytes(&[b"\n", b"\0", b":", b"\\x", b"#!", b"\x1b[", b"\r", b" ", b"\"", b"\xff\xfe"]);
                bytes.splice(at..at, text.iter().copied());
            }
            4 => drop(bytes.drain(at.min(end)..end)),
            5 => {
                let again = bytes[at.min(end)..end].to_vec();
                bytes.splice(at..at, again);
            }
            6 => bytes.truncate(at),
            _ => {
                let other = random.pick(corpus);
                bytes.truncate(at);
                bytes.extend(&other[random.below(other.len()).min(other.len())..]);
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}
