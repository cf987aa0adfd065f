//! What could not be checked: said on standard error, past the harness's capture, counted, and the count is the last
//! thing that the test program prints. With RBINFMT_TEST_ALL=1 only what this machine cannot have may be skipped.
#![allow(dead_code, reason = "each test program uses its part")]

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a check needs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Need {
    /// What can be installed, fetched, started or put right on any machine.
    Setup,
    /// The rights of root.
    Root,
    /// An x86_64 machine.
    X86_64,
    /// User namespaces, each with a table of its own.
    Namespaces,
    /// This version of Linux.
    Kernel(u32, u32),
    /// A kernel with autofs.
    Autofs,
}

/// Whether a program is installed.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

impl Need {
    /// Whether this machine cannot have it: tests/lacks.sh is the list.
    fn lacking(self) -> bool {
        let lacks = |name: &str| {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lacks.sh");
            Command::new(script).arg(name).status().unwrap().success()
        };
        match self {
            Need::Setup => false,
            Need::Root => lacks("root"),
            Need::X86_64 => lacks("x86_64"),
            Need::Namespaces => lacks("user-namespaces") || lacks("kernel-6.7"),
            Need::Kernel(major, minor) => lacks(&format!("kernel-{major}.{minor}")),
            Need::Autofs => lacks("autofs"),
        }
    }
}

/// Says that a check cannot be made here for want of `need`.
pub(crate) fn skipped<T>(need: Need, why: &str) -> Option<T> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn count() {
        say(&format!("SKIPPED: {} checks of this program were not made", COUNT.load(Ordering::Relaxed)));
    }
    if COUNT.fetch_add(1, Ordering::Relaxed) == 0 {
        #[allow(unsafe_code)]
        // SAFETY: the function only writes to standard error.
        let registered = unsafe { nix::libc::atexit(count) };
        assert_eq!(registered, 0);
    }
    let thread = std::thread::current();
    let line = format!("{} {}: {why}", env!("CARGO_CRATE_NAME"), thread.name().unwrap_or_default());
    say(&format!("SKIPPED: {line}"));
    if let Some(list) = std::env::var_os("RBINFMT_SKIPPED") {
        let mut list = std::fs::OpenOptions::new().append(true).create(true).open(list).unwrap();
        writeln!(list, "{line}").unwrap();
    }
    let all = std::env::var_os("RBINFMT_TEST_ALL").is_some_and(|all| all == "1");
    assert!(!all || need.lacking(), "RBINFMT_TEST_ALL=1: this may not be skipped: {why}");
    None
}

/// To standard error itself: the harness keeps what `eprintln!` writes.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
