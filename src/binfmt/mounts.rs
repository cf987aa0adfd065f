//! Where binfmt_misc is mounted, read without touching it: a look into an automount would mount it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use serde::{Deserialize, Serialize};

use crate::error::{Doing, Error, Result};
use crate::proc::Mounts;

/// The type of the table's file system.
pub const BINFMT_MISC: &str = "binfmt_misc";
/// That of an automount which waits.
const AUTOMOUNT: &str = "autofs";
/// BINFMTFS_MAGIC (include/uapi/linux/magic.h)
const SUPER_MAGIC: i64 = 0x4249_4e4d;

/// What is mounted on the table's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mounted {
    /// Nothing.
    No,
    /// systemd's automount, which mounts the table at the first look.
    Automount,
    /// The table.
    Yes,
    /// The table, but not to be written.
    ReadOnly,
}

impl Mounted {
    /// Whether entries can be read there.
    pub fn is_visible(self) -> bool {
        matches!(self, Mounted::Yes | Mounted::ReadOnly)
    }
}

/// What these mounts have on `dir`.
pub fn mounted_on(mounts: &Mounts, dir: &Path) -> Mounted {
    let Some(top) = mounts.on(dir) else { return Mounted::No };
    match top.fs_type {
        AUTOMOUNT => Mounted::Automount,
        // A mount below a directory that was mounted over since (a new /proc) is listed but cannot be reached.
        BINFMT_MISC if !is_table(dir) => Mounted::No,
        BINFMT_MISC if top.is_read_only() => Mounted::ReadOnly,
        BINFMT_MISC => Mounted::Yes,
        _ => Mounted::No,
    }
}

/// The tables among these mounts, as device numbers: one for each user namespace.
pub fn devices(mounts: &Mounts) -> impl Iterator<Item = &str> {
    mounts.naming(BINFMT_MISC).filter(|mount| mount.fs_type == BINFMT_MISC).map(|mount| mount.device)
}

/// The device number of the table on `dir`, as mountinfo writes it.
pub fn device(dir: &Path) -> Option<String> {
    use nix::sys::stat::{major, minor};
    let device = fs::metadata(dir).ok()?.dev();
    Some(format!("{}:{}", major(device), minor(device)))
}

/// Whether `dir` is the root of a binfmt_misc file system.
pub fn is_table(dir: &Path) -> bool {
    // The number's C type differs between machines.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
    nix::sys::statfs::statfs(dir).is_ok_and(|s| s.filesystem_type().0 as i64 == SUPER_MAGIC)
}

/// Whether the table on `dir` is that of our own user namespace, rather than one that we inherit: all mounts of one
/// namespace show the same file system. Asking makes the namespace's table, where it has none yet.
pub fn is_own_table(dir: &Path) -> bool {
    use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
    let own = || -> rustix::io::Result<u64> {
        let context = fsopen(BINFMT_MISC, FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_create(&context)?;
        let mount = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
        Ok(fs::File::from(mount).metadata().map_or(0, |m| m.dev()))
    };
    fs::metadata(dir).is_ok_and(|there| own().is_ok_and(|own| own == there.dev()))
}

/// Mounts the table on `dir`. Loads the kernel's module where it is missing and may be loaded.
///
/// # Errors
/// What mount(2) says, with what to do about it: no such file system, no right to mount, a read-only directory.
pub fn mount_table(dir: &Path) -> Result<()> {
    // With the module the directory comes too (5.18 and later), and opening the file system asks the kernel for the module.
    if !dir.exists() {
        drop(rustix::mount::fsopen(BINFMT_MISC, rustix::mount::FsOpenFlags::FSOPEN_CLOEXEC));
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some(BINFMT_MISC), dir, Some(BINFMT_MISC), flags, None::<&str>)
        .doing(|| format!("mounting {BINFMT_MISC} on {}", dir.display()))
        .map_err(explain_mount)
}

fn explain_mount(error: Error) -> Error {
    use nix::errno::Errno;
    match error.errno().map(Errno::from_raw) {
        Some(Errno::ENODEV | Errno::ENOENT) => {
            error.help("this kernel has no binfmt_misc: run `modprobe binfmt_misc`, or use a kernel built with it")
        }
        Some(Errno::EPERM | Errno::EACCES) => {
            error.help("this process may not mount: on a host run it as root; a container has to be privileged")
        }
        Some(Errno::EROFS) => error.help("the directory is read-only here: a container has to be privileged"),
        _ => error,
    }
}
