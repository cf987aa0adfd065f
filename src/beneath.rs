//! Paths below a directory that somebody else may have filled: walked by the kernel as after chroot(2) into it (openat2(2),
//! RESOLVE_IN_ROOT), so that no link leads out.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::libc;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use rustix::mount::{OpenTreeFlags, open_tree};

use crate::proc;

/// How often the kernel is asked again when something was renamed meanwhile.
const TRIES: usize = 16;

/// Opens a path below `base`; ELOOP for a magic link of /proc.
///
/// # Errors
/// What openat2(2) says; kernels before 5.6 do not know it.
pub(crate) fn inside(base: impl AsFd, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    resolve(base, path, flags, ResolveFlags::NO_MAGICLINKS)
}

/// The same; EXDEV for a magic link of /proc, since what it points to is outside.
///
/// # Errors
/// What openat2(2) says.
pub(crate) fn inside_with_magic(base: impl AsFd, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    resolve(base, path, flags, ResolveFlags::empty())
}

fn resolve(base: impl AsFd, path: &Path, flags: OFlags, more: ResolveFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::IN_ROOT | more;
    let mut tries = TRIES;
    loop {
        match openat2(&base, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            // The kernel cannot tell whether we left the root.
            Err(Errno::AGAIN | Errno::INTR) if tries > 0 => tries -= 1,
            result => return result,
        }
    }
}

/// The same directory through a mount of its own on which no link is followed (MOUNT_ATTR_NOSYMFOLLOW): what is linked or
/// swapped below it meanwhile leads nowhere else.
///
/// # Errors
/// Without the right to mount, and on kernels before 5.12.
#[allow(unsafe_code)]
pub(crate) fn without_links(directory: impl AsFd) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    let mount = open_tree(directory, "", flags)?;
    let wanted = libc::mount_attr { attr_set: libc::MOUNT_ATTR_NOSYMFOLLOW, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path and the structure outlive the call, which reads them and as many bytes as it is told.
    let done = unsafe {
        let size = size_of_val(&wanted);
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const wanted,
            size,
        )
    };
    nix::errno::Errno::result(done)?;
    Ok(mount)
}

/// Where a path of the system below `root` really is.
///
/// # Errors
/// What openat2(2) says: ENOENT also for a link that leads nowhere in that system.
pub(crate) fn real(root: &Path, path: &Path) -> io::Result<PathBuf> {
    if root == Path::new("/") {
        return Ok(path.to_owned());
    }
    let found = inside(File::open(root)?, path.strip_prefix("/").unwrap_or(path), OFlags::PATH)?;
    fs::read_link(proc::of_descriptor(&found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_mean_what_they_mean_in_the_system() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::write(root.join("etc/own"), "").unwrap();
        symlink("/etc/own", root.join("absolute")).unwrap();
        symlink("../../../../etc/own", root.join("etc/up")).unwrap();
        symlink("/etc/passwd", root.join("etc/out")).unwrap();
        for path in ["/etc/own", "/absolute", "/etc/up", "/../etc/own"] {
            assert_eq!(real(&root, Path::new(path)).unwrap(), root.join("etc/own"), "{path}");
        }
        let error = real(&root, Path::new("/etc/out")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(real(Path::new("/"), Path::new("/etc/passwd")).unwrap(), Path::new("/etc/passwd"));
    }
}
