//! A mount namespace of our own, for a while: what is mounted in it is gone when we leave.

use std::fs::File;
use std::path::Path;

use nix::errno::Errno;
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
    ///
    /// # Errors
    /// What unshare(2), setns(2) or mount(2) says: usually EPERM, without CAP_SYS_ADMIN.
    pub fn enter() -> Result<Namespace> {
        let open = |path: &Path| File::open(path).doing(|| format!("opening {}", path.display()));
        let back = Namespace {
            home: open(&proc::own("ns/mnt"))?,
            root: open(Path::new("/"))?,
            directory: open(Path::new("."))?,
        };
        unshare(CloneFlags::CLONE_NEWNS).doing(|| "making a mount namespace")?;
        let doing = || "making the mounts of this process its own";
        match make_private() {
            // The / of a chroot need not be a mount, and what it lies on cannot be named from here. setns to where we are
            // moves us to the namespace's root, which is one.
            Err(Errno::EINVAL) => {
                let (root, directory) = (open(Path::new("/"))?, open(Path::new("."))?);
                setns(open(&proc::own("ns/mnt"))?, CloneFlags::CLONE_NEWNS).doing(doing)?;
                make_private().doing(doing)?;
                go_back(&root, &directory).doing(doing)?;
            }
            made => made.doing(doing)?,
        }
        Ok(back)
    }

    /// Enters the mount namespace of another process.
    ///
    /// # Errors
    /// What setns(2) says, and a process whose namespaces cannot be seen.
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
    ///
    /// # Errors
    /// What setns(2), chroot(2) or fchdir(2) says. The process is then still in the other namespace.
    pub fn leave(self) -> Result<()> {
        let doing = || "going back to the mounts of this process";
        setns(&self.home, CloneFlags::CLONE_NEWNS).doing(doing)?;
        // setns has moved us to the namespace's root, which a chroot is not.
        go_back(&self.root, &self.directory).doing(doing)
    }
}

/// What is mounted from here on is seen by nobody else.
fn make_private() -> nix::Result<()> {
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
}

fn go_back(root: &File, directory: &File) -> nix::Result<()> {
    fchdir(root)?;
    chroot(".")?;
    fchdir(directory)
}
