//! `enable --root` and `disable --root`, while a directory of the tree and a link that leads out of it are swapped without a
//! pause: nothing is written or removed outside.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use crate::extent::{Extent, Report};
use crate::random::Random;
use crate::world::rbinfmt;

const FEW: usize = 4;
/// What is swapped: each directory that is written to, and those above.
const SWAPPED: [&str; 10] = [
    "/tree/etc",
    "/tree/etc/binfmt.d",
    "/tree/etc/rbinfmt",
    "/tree/etc/systemd",
    "/tree/etc/systemd/system/multi-user.target.wants",
    "/tree/var/lib",
    "/tree/var/lib/rbinfmt",
    "/tree/var/lib/rbinfmt/tmp",
    "/tree/var/lib/rbinfmt/versions",
    "/tree/var/lib/rbinfmt/cache",
];
const VERBS: [&str; 3] = [
    "enable --root /tree --from /given/one arm64 riscv64",
    "enable --root /tree --from /given/two.deb arm64",
    "disable --root /tree",
];

pub(crate) fn run(extent: &Extent) -> Report {
    let mut report = Report::default();
    let mut random = Random::new(extent.seed);
    let (mut runs, mut swaps) = (0, 0);
    make_outside();
    let mut before = outside();
    while extent.goes_on(runs, FEW) {
        make_tree();
        let directory = Path::new(*random.pick(&SWAPPED));
        fs::create_dir_all(directory).unwrap();
        let link = directory.with_extension("link");
        symlink(Path::new("/outside").join(directory.file_name().unwrap()), &link).unwrap();
        swaps += meanwhile(directory, &link, || {
            for words in VERBS {
                let output = rbinfmt(words).output().unwrap();
                let said = String::from_utf8_lossy(&output.stderr);
                if output.status.code().is_none() || said.contains("panicked") {
                    report.wrong(format!("{words}: {output:?}"));
                }
                runs += 1;
            }
        });
        let now = outside();
        if now != before {
            let changes: Vec<_> = now.symmetric_difference(&before).collect();
            report.wrong(format!("{} was swapped, and outside there is another {changes:?}", directory.display()));
            fs::remove_dir_all("/outside").unwrap();
            make_outside();
            before = outside();
        }
        fs::remove_dir_all("/tree").unwrap();
    }
    report.count("runs", runs);
    report.count("swaps", swaps);
    report
}

/// Swaps the two again and again while `work` is done; how often.
fn meanwhile(directory: &Path, link: &Path, work: impl FnOnce()) -> usize {
    let (over, swaps) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                // The directory may be removed, with all that is in it.
                let done = renameat2(AT_FDCWD, directory, AT_FDCWD, link, RenameFlags::RENAME_EXCHANGE);
                swaps.fetch_add(usize::from(done.is_ok()), Ordering::Relaxed);
            }
        });
        work();
        over.store(true, Ordering::Relaxed);
    });
    swaps.into_inner()
}

/// A system that can be enabled.
fn make_tree() {
    for directory in ["usr/lib/systemd/system", "etc/systemd/system/multi-user.target.wants", "var/lib/rbinfmt/tmp"] {
        fs::create_dir_all(Path::new("/tree").join(directory)).unwrap();
    }
    for file in ["systemd", "system/rbinfmt.service"] {
        fs::write(Path::new("/tree/usr/lib/systemd").join(file), "").unwrap();
    }
}

/// A directory where each link leads, with the same files in it that would be written, and what would be swept.
fn make_outside() {
    for swapped in SWAPPED {
        let directory = Path::new("/outside").join(Path::new(swapped).file_name().unwrap());
        for within in ["", "rbinfmt", "binfmt.d", "systemd/system", "versions", "tmp", "cache"] {
            fs::create_dir_all(directory.join(within)).unwrap();
        }
        for file in [
            "rbinfmt.conf",
            "enabled.json",
            "lock",
            "current.json",
            ".rbinfmt-new-1",
            "tmp/file",
            "binfmt.d/rbinfmt.conf",
        ] {
            fs::write(directory.join(file), "of another system").unwrap();
        }
    }
}

/// All that is outside: paths, modes, inodes and contents.
fn outside() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    look(Path::new("/outside"), &mut all);
    all
}

fn look(directory: &Path, all: &mut BTreeSet<String>) {
    for item in fs::read_dir(directory).unwrap() {
        let path = item.unwrap().path();
        let meta = path.symlink_metadata().unwrap();
        all.insert(format!("{} {:o} {} {}", path.display(), meta.mode(), meta.ino(), meta.mtime_nsec()));
        if meta.is_dir() {
            look(&path, all);
        }
    }
}
