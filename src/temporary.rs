//! Files that are being written: how they are named, so that those which a killed run left can be told and removed.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use crate::error::{Doing, Result};

/// What files are called while they are being written: a kill leaves them, the next who takes the lock sweeps them.
pub(crate) const NEW: &str = ".rbinfmt-new-";

/// Makes a directory with this mode and those above it that are missing, whatever the umask is: those above are for
/// everybody to read and for their maker to write.
pub(crate) fn make_directories(directory: &Path, mode: u32) -> io::Result<()> {
    let make = |mode: u32| {
        fs::DirBuilder::new().mode(mode).create(directory)?;
        fs::set_permissions(directory, fs::Permissions::from_mode(mode))
    };
    match (make(mode), directory.parent()) {
        (Err(error), Some(above)) if error.kind() == io::ErrorKind::NotFound => {
            make_directories(above, 0o755)?;
            make(mode)
        }
        (Err(error), _) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        (made, _) => made,
    }
}

/// Removes what is in a directory and has such a name. Links are not followed.
pub(crate) fn sweep(directory: &Path, temporary: impl Fn(&str) -> bool) -> Result<()> {
    let doing = || format!("sweeping {}", directory.display());
    for item in fs::read_dir(directory).doing(doing)? {
        let item = item.doing(doing)?;
        if item.file_name().to_str().is_some_and(&temporary) {
            let is_directory = item.file_type().doing(doing)?.is_dir();
            let path = item.path();
            if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.doing(doing)?;
        }
    }
    Ok(())
}
