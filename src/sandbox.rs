//! A user and mount namespace, and who is who in it. `rbinfmt run` enters one in place; the live tests and the benchmarks start
//! commands in one, with a table of its own: what happens in it does not touch the machine. From kernel 6.7 on such a table is
//! real and private.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getegid, geteuid, getpid};

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
        let everybody = Maps { users: "0 0 65536".into(), groups: "0 0 65536".into(), by: Mapper::Parent };
        let maps = if geteuid().is_root() { everybody } else { Maps::alone() };
        let table = self.table.then(|| Host::default().table);
        // SAFETY: between fork and exec; the closure allocates, which is sound as long as the calling process forks
        // while no other thread holds the allocator's lock, and glibc's fork takes care of its own.
        unsafe {
            command.pre_exec(move || {
                maps.enter()?;
                inside(table.as_ref())
            });
        }
    }
}

/// Who is who in a new user namespace, in the kernel's form: "INSIDE OUTSIDE COUNT", one range a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maps {
    users: String,
    groups: String,
    by: Mapper,
}

/// Who may write the maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mapper {
    /// The process itself: its own numbers alone.
    Itself,
    /// One that stays outside and may change its user there.
    Parent,
    /// newuidmap(1) and newgidmap(1), from outside.
    Helpers,
}

impl Maps {
    /// The caller is root, and there is nobody else.
    pub fn alone() -> Maps {
        let (uid, gid) = (geteuid(), getegid());
        Maps { users: format!("0 {uid} 1"), groups: format!("0 {gid} 1"), by: Mapper::Itself }
    }

    /// Everybody has the number that they have outside. Only root can make it.
    ///
    /// # Errors
    /// This namespace's own maps cannot be read.
    pub fn same() -> io::Result<Maps> {
        let same = |file: &str| -> io::Result<String> {
            let map = proc::text(&proc::own(file))?;
            let line = |line: &str| {
                let mut numbers = line.split_whitespace();
                let (inside, _, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
                Some(format!("{inside} {inside} {count}\n"))
            };
            Ok(map.lines().filter_map(line).collect())
        };
        Ok(Maps { users: same("uid_map")?, groups: same("gid_map")?, by: Mapper::Parent })
    }

    /// The caller is root, and 1 and up are numbers of the caller's in /etc/subuid and /etc/subgid: first, and how many.
    pub fn subordinate(users: (u32, u32), groups: (u32, u32)) -> Maps {
        let map = |own: u32, (first, count)| format!("0 {own} 1\n1 {first} {count}");
        Maps { users: map(geteuid().as_raw(), users), groups: map(getegid().as_raw(), groups), by: Mapper::Helpers }
    }

    /// Makes this process the first of a user and a mount namespace. Nothing that is mounted there is seen outside: the
    /// kernel makes the mounts of another user namespace's slaves of those outside.
    ///
    /// # Errors
    /// What unshare(2) says: EINVAL for a process of more than one thread, EPERM and ENOSPC where it is not allowed; and
    /// what keeps the maps from being written.
    pub fn enter(&self) -> io::Result<()> {
        match self.by {
            Mapper::Itself => {
                leave_outside()?;
                self.write_own()
            }
            Mapper::Parent => with_helper(|pid| self.write(pid)),
            Mapper::Helpers => with_helper(|pid| self.run_helpers(pid)),
        }
    }

    fn write_own(&self) -> io::Result<()> {
        // Without it only those who may change their groups outside write the map of groups.
        fs::write(proc::own("setgroups"), "deny")?;
        fs::write(proc::own("uid_map"), &self.users)?;
        fs::write(proc::own("gid_map"), &self.groups)
    }

    fn write(&self, pid: Pid) -> io::Result<()> {
        let file = |name: &str| proc::of_process(pid.as_raw().unsigned_abs(), name);
        fs::write(file("uid_map"), &self.users)?;
        fs::write(file("gid_map"), &self.groups)
    }

    fn run_helpers(&self, pid: Pid) -> io::Result<()> {
        for (helper, map) in [("newuidmap", &self.users), ("newgidmap", &self.groups)] {
            let status = Command::new(helper).arg(pid.to_string()).args(map.split_whitespace()).status()?;
            if !status.success() {
                return Err(io::Error::other(format!("{helper} ended with {status}")));
            }
        }
        Ok(())
    }
}

/// Gives root of a namespace that [`Maps::alone`] made other numbers, as those that it has outside, in a user namespace below:
/// there it may no more than outside. The table remains: a namespace without one uses that of the namespace above.
///
/// # Errors
/// What unshare(2) says: EPERM in a chroot; ENOSPC at the limit.
pub fn be_again((uid, gid): (u32, u32)) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWUSER)?;
    Maps { users: format!("{uid} 0 1"), groups: format!("{gid} 0 1"), by: Mapper::Itself }.write_own()
}

fn leave_outside() -> io::Result<()> {
    Ok(unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?)
}

/// More than one user can be mapped only from outside: a child that stays there does it.
#[allow(unsafe_code)]
fn with_helper(map: impl FnOnce(Pid) -> io::Result<()>) -> io::Result<()> {
    let target = getpid();
    let (mut go, ready) = io::pipe()?;
    let (mut answer, mut result) = io::pipe()?;
    // SAFETY: this process has one thread.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop((ready, answer));
            let mapped = go.read(&mut [0]).and_then(|_| map(target));
            let said = mapped.map_or_else(|error| error.to_string(), |()| String::new());
            let _ = result.write_all(said.as_bytes());
            // SAFETY: _exit has no preconditions.
            unsafe { nix::libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            drop(result);
            let unshared = leave_outside();
            drop((go, ready));
            let mut why = String::new();
            let answered = answer.read_to_string(&mut why);
            // Where SIGCHLD is ignored the kernel has reaped it.
            let _ = waitpid(child, None);
            unshared?;
            answered?;
            if why.is_empty() { Ok(()) } else { Err(io::Error::other(why)) }
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
