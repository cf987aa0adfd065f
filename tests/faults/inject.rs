//! One system call of a run fails, or the run is killed in it: seccomp's user notification stops every call of the
//! interesting kinds, and the supervisor answers for the kernel or lets the kernel answer.
#![allow(unsafe_code)]

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc::{self, c_long};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork};

/// A run that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// What happens, and where: in the `call`-th interesting system call after the program has begun, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) call: usize,
    /// Which of the call's errors; the one after the last is SIGKILL.
    pub(crate) kind: usize,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
    /// The interesting calls, in their order.
    pub(crate) calls: Vec<c_long>,
    /// What was done: "openat EIO", "write KILL"; nothing where the run had fewer calls.
    pub(crate) done: Option<String>,
    pub(crate) hung: bool,
}

impl Ran {
    pub(crate) fn killed_by_us(&self) -> bool {
        self.done.as_ref().is_some_and(|done| done.ends_with("KILL"))
    }
}

/// What each call may fail with, and its name. What is not listed is not stopped. ENOENT is missing: a kernel that denies
/// a file which is there is none that anybody has.
pub(crate) const CALLS: &[(c_long, &str, &[Errno])] = {
    use Errno::*;
    &[
        (libc::SYS_openat, "openat", &[ENOMEM, EMFILE, EIO, EACCES, EPERM, EINTR, ENOSPC]),
        (libc::SYS_read, "read", &[EIO, ENOMEM, EINTR, EAGAIN]),
        (libc::SYS_write, "write", &[EIO, ENOSPC, ENOMEM, EINTR, EBUSY, EPERM, EAGAIN]),
        (libc::SYS_rename, "rename", &[EIO, ENOSPC, EACCES, EBUSY, EXDEV]),
        (libc::SYS_renameat, "renameat", &[EIO, ENOSPC, EACCES, EBUSY]),
        (libc::SYS_renameat2, "renameat2", &[EIO, ENOSPC, EACCES, EBUSY]),
        (libc::SYS_unlink, "unlink", &[EIO, EACCES, EBUSY]),
        (libc::SYS_unlinkat, "unlinkat", &[EIO, EACCES, EBUSY]),
        (libc::SYS_rmdir, "rmdir", &[EIO, EACCES, EBUSY]),
        (libc::SYS_mkdir, "mkdir", &[EIO, ENOSPC, EACCES, EROFS]),
        (libc::SYS_mkdirat, "mkdirat", &[EIO, ENOSPC, EACCES, EROFS]),
        (libc::SYS_symlink, "symlink", &[EIO, ENOSPC, EACCES]),
        (libc::SYS_symlinkat, "symlinkat", &[EIO, ENOSPC, EACCES]),
        (libc::SYS_linkat, "linkat", &[EIO, ENOSPC, EPERM]),
        (libc::SYS_fsync, "fsync", &[EIO, ENOSPC]),
        (libc::SYS_fdatasync, "fdatasync", &[EIO, ENOSPC]),
        (libc::SYS_ftruncate, "ftruncate", &[EIO, ENOSPC]),
        (libc::SYS_fchmod, "fchmod", &[EIO, EPERM]),
        (libc::SYS_fchmodat, "fchmodat", &[EIO, EPERM]),
        (libc::SYS_chmod, "chmod", &[EIO, EPERM]),
        (libc::SYS_fchownat, "fchownat", &[EIO, EPERM]),
        (libc::SYS_mount, "mount", &[EPERM, EBUSY, ENOMEM]),
        (libc::SYS_umount2, "umount2", &[EPERM, EBUSY]),
        (libc::SYS_fsopen, "fsopen", &[EPERM, ENOMEM, EMFILE]),
        (libc::SYS_fsmount, "fsmount", &[EPERM, ENOMEM]),
        (libc::SYS_unshare, "unshare", &[EPERM, ENOSPC, ENOMEM]),
        (libc::SYS_setns, "setns", &[EPERM, ENOMEM]),
        (libc::SYS_chroot, "chroot", &[EPERM, EIO]),
        (libc::SYS_clone, "clone", &[EAGAIN, ENOMEM]),
        (libc::SYS_clone3, "clone3", &[EAGAIN, ENOMEM]),
        (libc::SYS_vfork, "vfork", &[EAGAIN, ENOMEM]),
        (libc::SYS_execve, "execve", &[ENOMEM, EAGAIN, EMFILE, EIO, EACCES]),
        (libc::SYS_wait4, "wait4", &[EINTR]),
        (libc::SYS_waitid, "waitid", &[EINTR]),
        (libc::SYS_socket, "socket", &[EMFILE, ENOMEM, EACCES]),
        (libc::SYS_socketpair, "socketpair", &[EMFILE, ENOMEM]),
        (libc::SYS_connect, "connect", &[ECONNREFUSED, ENETUNREACH, ETIMEDOUT]),
        (libc::SYS_flock, "flock", &[EINTR, ENOLCK, EAGAIN]),
        (libc::SYS_fcntl, "fcntl", &[EINTR, EPERM, EMFILE]),
        (libc::SYS_getdents64, "getdents64", &[EIO, ENOMEM]),
        (libc::SYS_statx, "statx", &[ENOMEM, EIO, EACCES]),
        (libc::SYS_newfstatat, "newfstatat", &[ENOMEM, EIO, EACCES]),
        (libc::SYS_statfs, "statfs", &[ENOMEM, EIO, EACCES]),
        (libc::SYS_faccessat, "faccessat", &[EIO, EACCES, ENOMEM]),
        (libc::SYS_access, "access", &[EIO, EACCES, ENOMEM]),
        (libc::SYS_readlink, "readlink", &[ENOMEM, EACCES]),
        (libc::SYS_readlinkat, "readlinkat", &[ENOMEM, EACCES]),
        (libc::SYS_openat2, "openat2", &[ENOMEM, EMFILE, EIO, EACCES, EAGAIN, EPERM]),
        (libc::SYS_memfd_create, "memfd_create", &[ENOMEM, EMFILE]),
        (libc::SYS_pipe2, "pipe2", &[EMFILE, ENFILE]),
        (libc::SYS_poll, "poll", &[EINTR, ENOMEM]),
        (libc::SYS_copy_file_range, "copy_file_range", &[EIO, ENOSPC]),
        (libc::SYS_sendfile, "sendfile", &[EIO, ENOSPC]),
    ]
};

fn call(number: c_long) -> Option<&'static (c_long, &'static str, &'static [Errno])> {
    CALLS.iter().find(|call| call.0 == number)
}

/// How many faults the call has: its errors, and SIGKILL.
pub(crate) fn kinds(number: c_long) -> usize {
    call(number).map_or(0, |call| call.2.len() + 1)
}

/// Runs `command` with this fault. `writing` is called while the program stands still after it has written to the table.
pub(crate) fn run(command: &mut Command, fault: Option<Fault>, mut written: impl FnMut()) -> Ran {
    let output = || File::from(memfd_create(c"output", MFdFlags::MFD_CLOEXEC).unwrap());
    let (out, err) = (output(), output());
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    let null = File::open("/dev/null").unwrap();
    // SAFETY: this process has one thread.
    let main = match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let ready = || -> nix::Result<()> {
                nix::unistd::setsid()?;
                dup2_stdin(&null)?;
                dup2_stdout(&out)?;
                dup2_stderr(&err)?;
                let listener = filter()?;
                nix::sys::socket::send(
                    theirs.as_raw_fd(),
                    &listener.to_ne_bytes(),
                    nix::sys::socket::MsgFlags::empty(),
                )?;
                Ok(())
            };
            if ready().is_ok() {
                let _ = command.exec();
            }
            // SAFETY: it has no preconditions.
            unsafe { libc::_exit(127) }
        }
        ForkResult::Parent { child } => child,
    };
    drop(theirs);
    let pidfd = pidfd_open(main);
    let mut number = [0; 4];
    let listener = match ours.recv(&mut number) {
        Ok(4) => fetch_fd(&pidfd, RawFd::from_ne_bytes(number)),
        _ => panic!("the filter could not be installed"),
    };
    // SAFETY: a plain number goes in. Older kernels know no such flag, and are slower.
    unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_SET_FLAGS, SYNC_WAKE_UP) };
    let mut supervisor = Supervisor {
        main,
        fault,
        calls: Vec::new(),
        begun: false,
        execed: HashSet::new(),
        done: None,
        dirty: false,
        written: &mut written,
    };
    let deadline = Instant::now() + LIMIT;
    let mut hung = false;
    loop {
        let mut fds = [&listener, &pidfd].map(|fd| PollFd::new(std::os::fd::AsFd::as_fd(fd), PollFlags::POLLIN));
        let _ = poll(&mut fds, PollTimeout::from(1000u16));
        let ready = |fd: &PollFd| fd.revents().is_some_and(|r| r.contains(PollFlags::POLLIN));
        if ready(&fds[0]) {
            supervisor.answer(&listener);
        } else if ready(&fds[1]) {
            break;
        }
        if Instant::now() > deadline {
            hung = true;
            let _ = kill(main, Signal::SIGKILL);
        }
    }
    let status = match waitpid(main, None).unwrap() {
        WaitStatus::Exited(_, code) => ExitStatus::from_raw(code << 8),
        WaitStatus::Signaled(_, signal, _) => ExitStatus::from_raw(signal as i32),
        other => panic!("{other:?}"),
    };
    let (calls, done, dirty) = (supervisor.calls, supervisor.done, supervisor.dirty);
    let _ = killpg(main, Signal::SIGKILL);
    drop(listener);
    while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|s| s != WaitStatus::StillAlive) {}
    if dirty {
        written();
    }
    Ran { status, out: text(out), err: text(err), calls, done, hung }
}

fn text(mut file: File) -> String {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

struct Supervisor<'a> {
    main: Pid,
    fault: Option<Fault>,
    calls: Vec<c_long>,
    /// The loader is done: the standard library's first act is a poll of the standard descriptors.
    begun: bool,
    /// Threads that became other programs: emulators, whose faults are not ours.
    execed: HashSet<u32>,
    done: Option<String>,
    dirty: bool,
    written: &'a mut dyn FnMut(),
}

impl Supervisor<'_> {
    fn answer(&mut self, listener: &OwnedFd) {
        // SAFETY: all zeroes are a value of it, which the kernel wants.
        let mut request: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the request has the size that its number says.
        if unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_RECV, &raw mut request) } != 0 {
            return;
        }
        let mut response = libc::seccomp_notif_resp { id: request.id, val: 0, error: 0, flags: CONTINUE };
        if let Some(errno) = self.judge(&request) {
            (response.error, response.flags) = (-(errno as i32), 0);
        }
        // SAFETY: as above. One that was killed takes no answer.
        unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_SEND, &raw const response) };
    }

    /// What the call is to fail with.
    fn judge(&mut self, request: &libc::seccomp_notif) -> Option<Errno> {
        let number = c_long::from(request.data.nr);
        if self.execed.contains(&request.pid) {
            return None;
        }
        if !self.begun {
            self.begun = number == libc::SYS_poll;
            return None;
        }
        if std::mem::take(&mut self.dirty) {
            (self.written)();
        }
        self.calls.push(number);
        if let Some(fault) = self.fault.filter(|f| f.call == self.calls.len()) {
            let (_, name, errnos) = call(number)?;
            return match errnos.get(fault.kind % (errnos.len() + 1)) {
                Some(&errno) => {
                    self.done = Some(format!("{name} {errno:?}"));
                    Some(errno)
                }
                None => {
                    self.done = Some(format!("{name} KILL"));
                    let _ = kill(self.main, Signal::SIGKILL);
                    None
                }
            };
        }
        match number {
            libc::SYS_execve => {
                self.execed.insert(request.pid);
            }
            libc::SYS_write => {
                let file = fs::read_link(format!("/proc/{}/fd/{}", request.pid, request.data.args[0]));
                self.dirty =
                    file.is_ok_and(|f| f.as_os_str().as_encoded_bytes().windows(11).any(|w| w == b"binfmt_misc"));
            }
            _ => {}
        }
        None
    }
}

// include/uapi/linux/seccomp.h
const NOTIF_RECV: libc::Ioctl = 0xc050_2100u32 as libc::Ioctl;
const NOTIF_SEND: libc::Ioctl = 0xc018_2101u32 as libc::Ioctl;
const NOTIF_SET_FLAGS: libc::Ioctl = 0x4008_2104u32 as libc::Ioctl;
const CONTINUE: u32 = 1;
/// The kernel goes on with the other side on the same CPU.
const SYNC_WAKE_UP: u64 = 1;

/// Lets every call of [`CALLS`] wait for the supervisor; the number of the descriptor on which it listens.
fn filter() -> nix::Result<RawFd> {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    // The worker is root of its namespace: PR_SET_NO_NEW_PRIVS is not needed.
    let mut program = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0)];
    for (number, _, _) in CALLS {
        let equal =
            libc::sock_filter { jf: 1, ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, *number as u32) };
        program.extend([equal, statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_USER_NOTIF)]);
    }
    program.push(statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW));
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the program lives until the call is over.
    let listener = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    Errno::result(listener).map(|fd| fd as RawFd)
}

fn pidfd_open(pid: Pid) -> OwnedFd {
    // SAFETY: the descriptor is new and ours.
    unsafe {
        OwnedFd::from_raw_fd(Errno::result(libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0)).unwrap() as RawFd)
    }
}

fn fetch_fd(process: &OwnedFd, fd: RawFd) -> OwnedFd {
    // SAFETY: the descriptor is new and ours.
    unsafe {
        let fetched = libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), fd, 0);
        OwnedFd::from_raw_fd(Errno::result(fetched).unwrap() as RawFd)
    }
}
