//! A mount namespace of our own, for a while: what is mounted in it is gone when we leave.

use std::fs::File;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{chroot, fchdir};

use crate::error::{Doing, Result};
use crate::proc;

/// The way back out of a mount namespace of our own. This process must have one thread only.
#[derive(Debug)]
pub struct Namespace {
    home: File,
    root: File,
    directory: File,
}

impl Namespace {
    /// Leaves the mounts that we share with others for a copy of them.
    pub fn enter() -> Result<Namespace> {
        let open = |path: &Path| File::open(path).doing(|| format!("opening {}", path.display()));
        let back = Namespace {
            home: open(&proc::own("ns/mnt"))?,
            root: open(Path::new("/"))?,
            directory: open(Path::new("."))?,
        };
        unshare(CloneFlags::CLONE_NEWNS).doing(|| "making a mount namespace")?;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        let made = mount(None::<&str>, "/", None::<&str>, private, None::<&str>);
        made.doing(|| "making the mounts of this process its own")?;
        Ok(back)
    }

    /// Enters the mount namespace of another process.
    pub fn enter_of(pid: u32) -> Result<Namespace> {
        let open = |path: &Path| File::open(path).doing(|| format!("opening {}", path.display()));
        let back = Namespace {
            home: open(&proc::own("ns/mnt"))?,
            root: open(Path::new("/"))?,
            directory: open(Path::new("."))?,
        };
        let there = open(&proc::of_process(pid, "ns/mnt"))?;
        setns(there, CloneFlags::CLONE_NEWNS).doing(|| format!("entering the mounts of process {pid}"))?;
        Ok(back)
    }

    /// Goes back. A namespace of our own ends with this, and every mount in it.
    pub fn leave(self) -> Result<()> {
        let doing = || "going back to the mounts of this process";
        setns(&self.home, CloneFlags::CLONE_NEWNS).doing(doing)?;
        // setns has moved us to the namespace's root, which a chroot is not.
        fchdir(&self.root).and_then(|()| chroot(".")).doing(doing)?;
        fchdir(&self.directory).doing(doing)
    }
}
