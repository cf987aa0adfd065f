//! Any bytes as an executable: the model and the inspection of ELF files.
#![no_main]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rbinfmt::exec::Model;
use rbinfmt::exec::facts::{ExecFacts, TableFacts};
use rbinfmt::exec::root::Root;

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

fuzz_target!(|bytes: &[u8]| {
    MEMORY.set_len(0).expect("empty");
    MEMORY.write_all_at(bytes, 0).expect("written");
    let path = format!("/proc/self/fd/{}", MEMORY.as_raw_fd());
    let root = Root::own();
    for facts in FACTS.iter() {
        Model::new(facts, &root, &root).judge(path.as_bytes(), &[]);
    }
    if let Ok(Some(program)) = rbinfmt::inspect::inspect(&root, path.as_bytes()) {
        rbinfmt::inspect::libraries(&root, b"/x", &program);
    }
});
