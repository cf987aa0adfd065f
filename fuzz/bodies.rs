//! What the fuzzer's targets do with an input: they panic where the program is wrong about it. tests/fuzz.rs runs them on
//! the corpus and on inputs made of it, so that no fuzzer is needed to find what is found easily.
#![allow(missing_docs, unreachable_pub, clippy::expect_used)]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;

use rbinfmt::binfmt::entry::Entry;
use rbinfmt::binfmt::register::{compose, judge};
use rbinfmt::doctor::message::read;
use rbinfmt::exec::Model;
use rbinfmt::exec::facts::{ExecFacts, TableFacts};
use rbinfmt::exec::root::Root;
use rbinfmt::exec::script::parse;
use rbinfmt::inspect::{Search, inspect};
use rbinfmt::kernel::{Kernel, ScriptParser};

/// A target and what it does; its corpus is corpus/NAME.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: [Target; 6] = [
    ("elf", elf),
    ("entry_text", entry_text),
    ("message", message),
    ("profile", profile),
    ("register_string", register_string),
    ("script", script),
];

/// One file in memory for all inputs.
static MEMORY: LazyLock<File> = LazyLock::new(|| {
    let fd = nix::sys::memfd::memfd_create("input", nix::sys::memfd::MFdFlags::empty()).expect("a file in memory");
    nix::sys::stat::fchmod(&fd, nix::sys::stat::Mode::from_bits_truncate(0o755)).expect("its mode");
    fd.into()
});

static FACTS: LazyLock<[ExecFacts; 3]> = LazyLock::new(|| {
    ["x86_64", "aarch64", "s390x"].map(|machine| {
        let mut facts = ExecFacts::gather("/nonexistent".as_ref());
        facts.table = TableFacts::absent();
        facts.kernel.machine = machine.into();
        facts.compat = true;
        facts
    })
});

/// An executable: the model and the inspection of ELF files.
pub fn elf(bytes: &[u8]) {
    MEMORY.set_len(0).expect("empty");
    MEMORY.write_all_at(bytes, 0).expect("written");
    let path = format!("/proc/self/fd/{}", MEMORY.as_raw_fd());
    let root = Root::own();
    for facts in FACTS.iter() {
        Model::new(facts, &root, &root).judge(path.as_bytes(), &[]);
    }
    if let Ok(Some(program)) = inspect(&root, path.as_bytes()) {
        let search = Search { root: &root, prefixes: Vec::new(), path: Default::default() };
        search.libraries(b"/x", &program, None);
    }
}

/// The text of an entry, as the kernel shows it; what was read survives JSON.
pub fn entry_text(bytes: &[u8]) {
    if let Ok(entry) = Entry::parse(b"name", bytes) {
        entry.takes(&bytes[..bytes.len().min(256)], b"x.y");
        let json = serde_json::to_string(&entry).expect("JSON");
        let back: Entry = serde_json::from_str(&json).expect("the same type");
        assert_eq!(back, entry);
    }
}

/// A message, from whatever printed it.
pub fn message(bytes: &[u8]) {
    // Nothing but white space is wrong usage.
    let Ok(diagnosis) = read(&mut &bytes[..]) else { return };
    assert!(diagnosis.candidates.len() <= 3 && !(diagnosis.not_exec_format && diagnosis.candidates.is_empty()));
    assert!(diagnosis.candidates.windows(2).all(|two| two[0].strength >= two[1].strength));
    for candidate in &diagnosis.candidates {
        assert!(!candidate.evidence.is_empty());
        diagnosis.fixes(candidate);
    }
}

/// A file of profiles.
pub fn profile(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = rbinfmt::profile::parse("input.toml", text);
    }
}

/// A register string; what the kernel would accept can be composed again and means the same.
pub fn register_string(bytes: &[u8]) {
    for release in ["6.18.0", "3.10.0-1160.el7.x86_64"] {
        let kernel = Kernel { release: release.into(), machine: "x86_64".into() };
        if let Ok(entry) = judge(bytes, &kernel)
            && let Ok(string) = compose(&entry, &kernel)
        {
            assert_eq!(judge(&string, &kernel).as_ref(), Ok(&entry));
        }
    }
}

/// A `#!` line, for each parser that a kernel had.
pub fn script(bytes: &[u8]) {
    for (parser, window) in [(ScriptParser::New, 256), (ScriptParser::Whole, 256), (ScriptParser::Old, 128)] {
        let mut head = bytes.to_vec();
        head.resize(window, 0);
        if let Ok(line) = parse(&head, parser) {
            assert!(!line.name.contains(&0) && !line.name.contains(&b'\n'));
            assert!(line.argument.is_none_or(|a| !a.contains(&0)));
            assert!(line.at + line.name.len() <= window);
        }
    }
}
