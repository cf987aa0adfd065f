//! Kind 2: the executables and shared objects of this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteVec};

use crate::Tally;
use crate::case::Case;
use crate::world::World;

const DIRECTORIES: [&str; 6] = ["/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec", "/usr/local", "/opt"];

pub(crate) fn run(world: &mut World, _seed: u64, cases: usize) -> Tally {
    let mut files = Vec::new();
    DIRECTORIES.iter().for_each(|directory| collect(Path::new(directory), &mut files));
    files.sort();
    let (all, mut tally) = (files.len(), Tally::default());
    // Spread evenly where there are more than wanted.
    let step = all.div_ceil(cases.max(1)).max(1);
    for file in files.into_iter().step_by(step) {
        let path = BString::from(Vec::from_path_lossy(&file).into_owned());
        Case { argv: vec![path.clone(), "one".into()], path, ..Case::default() }.count(world, &mut tally);
    }
    tally
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    let Ok(listing) = fs::read_dir(directory) else { return };
    for item in listing.flatten() {
        let Ok(kind) = item.file_type() else { continue };
        match kind {
            kind if kind.is_dir() => collect(&item.path(), files),
            kind if kind.is_file() && is_interesting(&item.path()) => files.push(item.path()),
            _ => {}
        }
    }
}

fn is_interesting(path: &Path) -> bool {
    let is_library = path.file_name().is_some_and(|name| name.to_string_lossy().contains(".so"));
    is_library || path.metadata().is_ok_and(|m| m.permissions().mode() & 0o111 != 0)
}
