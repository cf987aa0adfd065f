//! A user and mount namespace for one command, with a table of its own: what happens in it does not touch the machine.
//! From kernel 6.7 on such a table is real and private. The live tests and the benchmarks run in it.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getegid, geteuid, getpid, pipe, read};

use crate::binfmt::mounts;
use crate::host::Host;
use crate::kernel::Kernel;
use crate::proc;

/// How a sandbox is made.
#[derive(Debug, Clone, Default)]
pub struct Sandbox {
    /// Mount a table of its own before the command starts.
    pub table: bool,
}

impl Sandbox {
    /// Why there can be none here; `None` where there can.
    pub fn missing() -> Option<String> {
        let kernel = Kernel::running();
        if kernel.version() < (6, 7) {
            return Some(format!("kernel {} has one table for all user namespaces; 6.7 is needed", kernel.release));
        }
        let mut command = Command::new("/bin/true");
        Sandbox { table: true }.enclose(&mut command);
        match command.status() {
            Ok(status) if status.success() => None,
            Ok(status) => Some(format!("a command in a user namespace ended with {status}")),
            Err(error) => Some(format!("making a user namespace with a table of its own: {error}")),
        }
    }

    /// Makes `command` start in a sandbox. Root sees all its users there, anybody else is root and alone.
    #[allow(unsafe_code)]
    pub fn enclose(&self, command: &mut Command) {
        let root = geteuid().is_root();
        let (uid, gid) = (geteuid(), getegid());
        let alone = Maps { users: format!("0 {uid} 1"), groups: format!("0 {gid} 1") };
        let everybody = Maps { users: "0 0 65536".into(), groups: "0 0 65536".into() };
        let table = self.table.then(|| Host::default().table);
        // SAFETY: between fork and exec; the closure allocates, which is sound as long as the calling process forks
        // while no other thread holds the allocator's lock, and glibc's fork takes care of its own.
        unsafe {
            command.pre_exec(move || {
                if root {
                    with_helper(&everybody)?
                } else {
                    by_itself(&alone)?
                }
                inside(table.as_ref())
            });
        }
    }
}

struct Maps {
    users: String,
    groups: String,
}

impl Maps {
    fn write(&self, pid: Pid) -> io::Result<()> {
        let file = |name: &str| proc::of_process(pid.as_raw().unsigned_abs(), name);
        fs::write(file("uid_map"), &self.users)?;
        fs::write(file("gid_map"), &self.groups)
    }
}

fn by_itself(maps: &Maps) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
    fs::write(proc::own("setgroups"), "deny")?;
    maps.write(getpid())
}

/// More than one user can be mapped only from outside: a child that stays there does it.
#[allow(unsafe_code)]
fn with_helper(maps: &Maps) -> io::Result<()> {
    let target = getpid();
    let (ready, go) = pipe()?;
    // SAFETY: we are the only thread of a forked process.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop(go);
            let waited = read(&ready, &mut [0]);
            let written = waited.is_ok() && maps.write(target).is_ok();
            // SAFETY: _exit has no preconditions.
            unsafe { nix::libc::_exit(i32::from(!written)) }
        }
        ForkResult::Parent { child } => {
            let unshared = unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS);
            drop(go);
            let helped = waitpid(child, None)?;
            unshared?;
            match helped {
                WaitStatus::Exited(_, 0) => Ok(()),
                _ => Err(io::Error::other("the users of the sandbox could not be mapped")),
            }
        }
    }
}

fn inside(table: Option<&PathBuf>) -> io::Result<()> {
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    match table {
        Some(dir) => {
            mounts::mount_table(dir).map_err(|e| io::Error::from_raw_os_error(e.errno().unwrap_or(nix::libc::EIO)))
        }
        None => Ok(()),
    }
}
