//! Files of a system below a directory, as that system finds them: no link leads out of the directory.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

use crate::proc;

/// How often the kernel may give up.
const TRIES: usize = 9;

/// Opens a path of the system below `root`, to look at it: openat2(2) with that as the root of every link. The kernel gives
/// up with EAGAIN where something is renamed meanwhile.
///
/// # Errors
/// What openat2(2) says.
pub(crate) fn open(root: &File, path: &Path) -> nix::Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let mut opened = openat2(root, path, how);
    for _ in 1..TRIES {
        if !matches!(opened, Err(Errno::EAGAIN | Errno::EINTR)) {
            break;
        }
        opened = openat2(root, path, how);
    }
    opened
}

/// Where a path of the system below `root` really is.
///
/// # Errors
/// What openat2(2) says: ENOENT also for a link that leads nowhere in that system.
pub(crate) fn real(root: &Path, path: &Path) -> io::Result<PathBuf> {
    if root == Path::new("/") {
        return Ok(path.to_owned());
    }
    let found = open(&File::open(root)?, path.strip_prefix("/").unwrap_or(path))?;
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
