//! SELinux: a program that is stored where data usually is gets the label of a program. Without it neither a service nor a
//! container may execute it.

use std::path::Path;

use rustix::fs::{XattrFlags, getxattr, lsetxattr};
use rustix::io::Errno;

use crate::error::{Error, Result};

const LABEL: &str = "security.selinux";
/// A program that every system has, labelled as most programs are (bin_t); a shell has a label of its own.
const MODEL: &str = "usr/bin/env";

/// Labels a file like the programs of the system below `root`; nothing where those have no label.
///
/// # Errors
/// The label cannot be set: only root may, and not on every file system.
pub fn label_as_program(path: &Path, root: &Path) -> Result<()> {
    let mut label = [0; 1024];
    let Ok(length @ 1..) = getxattr(root.join(MODEL), LABEL, &mut label) else { return Ok(()) };
    match lsetxattr(path, LABEL, &label[..length], XattrFlags::empty()) {
        Ok(()) | Err(Errno::OPNOTSUPP) => Ok(()),
        Err(error) => Err(Error::io(format!("labelling {} for SELinux", path.display()), error.into())
            .help(format!("run `chcon --reference=/usr/bin/env {}`", path.display()))),
    }
}
