//! Paths below a directory that somebody else may have filled: walked by the kernel as after chroot(2) into it.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

/// How often the kernel is asked again when something was renamed meanwhile.
const TRIES: usize = 16;

/// Opens a path below `base`. No link leads out.
///
/// # Errors
/// What openat2(2) says; kernels before 5.6 do not know it.
pub(crate) fn inside(base: &OwnedFd, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let mut tries = TRIES;
    loop {
        match openat2(base, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            // The kernel cannot tell whether we left the root.
            Err(Errno::AGAIN) if tries > 0 => tries -= 1,
            result => return result,
        }
    }
}
