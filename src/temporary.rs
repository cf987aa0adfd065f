//! Files that are being written: how they are named, so that those which a killed run left can be told and removed.

use std::fs;
use std::path::Path;

use crate::error::{Doing, Result};

/// What files are called while they are being written: a kill leaves them, the next who takes the lock sweeps them.
pub(crate) const NEW: &str = ".rbinfmt-new-";

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
