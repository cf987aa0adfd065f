//! One system call of a run fails, or the run is killed in it: every call of the interesting kinds is stopped, and the
//! supervisor answers for the kernel or lets the kernel answer.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc::{self, c_long};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::statfs::{FsType, statfs};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::calls::{self, CALLS, Kind};
use crate::spawn::{self, Listener};

/// A run that is waited for longer hangs. What the machine's other work or its sleep takes does not count: a wait that is
/// long over counts once.
const LIMIT: Duration = Duration::from_secs(60);
/// How long one wait is.
const WAIT: u16 = 1000;
/// Nor does a run go on for ever that is never waited for.
const LONGEST: Duration = Duration::from_secs(1800);
/// How long a run that is to be ended has to do nothing, and how often at most until it is ended whatever it says.
const IDLE: u16 = 10;
const IDLE_TIMES: u32 = 300;

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
    /// The calls that were stopped, in their order.
    pub(crate) calls: Vec<c_long>,
    /// What was done: "openat EIO", "write KILL"; nothing where the run had fewer calls.
    pub(crate) done: Option<String>,
    pub(crate) hung: bool,
    /// Whether it wrote to the table.
    pub(crate) wrote: bool,
    /// Whether it has read the table after that was done.
    pub(crate) read_since: bool,
}

/// A fault on its way: at the `nth` call of this number, counted from 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aim {
    pub(crate) number: c_long,
    pub(crate) nth: usize,
    pub(crate) kind: Kind,
}

/// How a run ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// When its work is done.
    Done,
    /// It waits for SIGTERM.
    Terminated,
}

/// Runs `command`, with this fault or none. `written` is called while the program stands still after it has written to the
/// table. Where a fault is aimed at, only the calls that it needs are stopped.
pub(crate) fn run(command: &Command, aim: Option<Aim>, end: End, mut written: impl FnMut()) -> Ran {
    let started = spawn::start(command, &stopped(aim));
    let main = started.main;
    let mut supervisor = Supervisor {
        main,
        aim,
        met: 0,
        calls: Vec::new(),
        begun: false,
        execed: HashSet::new(),
        done: None,
        dirty: false,
        wrote: false,
        read_since: false,
        written: &mut written,
    };
    let begun = Instant::now();
    let (mut waited, mut hung) = (Duration::ZERO, false);
    let (mut idle, mut over) = (0, false);
    loop {
        let wait = if end == End::Terminated { IDLE } else { WAIT };
        // Once the last task with the filter is on its way out, the listener has nothing to say, at once.
        let watched = if over { &[&started.pidfd][..] } else { &[&started.pidfd, &started.listener.0] };
        let mut fds: Vec<PollFd> = watched.iter().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)).collect();
        if poll(&mut fds, PollTimeout::from(wait)) == Ok(0) {
            waited += Duration::from_millis(wait.into());
        }
        let events = |at: usize| fds.get(at).and_then(PollFd::revents).unwrap_or(PollFlags::empty());
        over |= events(1).contains(PollFlags::POLLHUP);
        if events(1).contains(PollFlags::POLLIN) {
            supervisor.answer(&started.listener);
        } else if events(0).contains(PollFlags::POLLIN) {
            break;
        } else if end == End::Terminated && !over {
            idle += 1;
            if holds(&started.err) || idle > IDLE_TIMES {
                let _ = kill(main, Signal::SIGTERM);
            }
        }
        if waited > LIMIT || begun.elapsed() > LONGEST {
            hung = true;
            let _ = kill(main, Signal::SIGKILL);
        }
    }
    let status = match waitpid(main, None).unwrap() {
        WaitStatus::Exited(_, code) => ExitStatus::from_raw(code << 8),
        WaitStatus::Signaled(_, signal, _) => ExitStatus::from_raw(signal as i32),
        other => panic!("{other:?}"),
    };
    let Supervisor { calls, done, dirty, wrote, read_since, .. } = supervisor;
    let _ = killpg(main, Signal::SIGKILL);
    drop(started.listener);
    while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|s| s != WaitStatus::StillAlive) {}
    if dirty {
        written();
    }
    Ran { status, out: text(started.out), err: text(started.err), calls, done, hung, wrote, read_since }
}

/// Whether a run of `--hold` has said that it has done its work.
fn holds(err: &File) -> bool {
    let mut text = [0; 4096];
    let len = err.read_at(&mut text, 0).unwrap_or(0);
    text[..len].windows(7).any(|word| word == b"holding")
}

fn text(mut file: File) -> String {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

struct Supervisor<'a> {
    main: Pid,
    aim: Option<Aim>,
    /// How many calls of the aim's number there were.
    met: usize,
    calls: Vec<c_long>,
    /// The loader is done: the standard library's first act is a poll of the standard descriptors.
    begun: bool,
    /// Threads that became other programs: emulators, whose faults are not ours.
    execed: HashSet<u32>,
    done: Option<String>,
    dirty: bool,
    wrote: bool,
    read_since: bool,
    written: &'a mut dyn FnMut(),
}

impl Supervisor<'_> {
    fn answer(&mut self, listener: &Listener) {
        if let Some(request) = listener.receive() {
            listener.answer(&request, self.judge(&request));
        }
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
        if let Some(aim) = self.aim.filter(|aim| aim.number == number) {
            self.met += 1;
            if self.met == aim.nth
                && let Some(errno) = self.inject(aim)
            {
                return Some(errno);
            }
        }
        match number {
            libc::SYS_execve => {
                self.execed.insert(request.pid);
            }
            libc::SYS_write if of_table(request) => (self.dirty, self.wrote) = (true, true),
            libc::SYS_getdents64 if self.done.is_some() => self.read_since |= of_table(request) && at_start(request),
            _ => {}
        }
        None
    }

    fn inject(&mut self, aim: Aim) -> Option<Errno> {
        let name = calls::name(aim.number);
        match aim.kind {
            Kind::Fails(errno) => {
                self.done = Some(format!("{name} {errno:?}"));
                return Some(errno);
            }
            Kind::Killed => {
                self.done = Some(format!("{name} KILL"));
                let _ = kill(self.main, Signal::SIGKILL);
            }
            Kind::Other(deed) => self.done = deed.act().then(|| format!("{name} other {deed:?}")),
        }
        None
    }
}

/// include/uapi/linux/magic.h
const BINFMTFS_MAGIC: FsType = FsType(0x4249_4e4d);

/// Whether a call's first argument is a descriptor of the table's.
fn of_table(request: &libc::seccomp_notif) -> bool {
    let path = format!("/proc/{}/fd/{}", request.pid, request.data.args[0]);
    statfs(path.as_str()).is_ok_and(|found| found.filesystem_type() == BINFMTFS_MAGIC)
}

/// Whether nothing was read from a call's first argument yet: a listing begins.
fn at_start(request: &libc::seccomp_notif) -> bool {
    let info = fs::read_to_string(format!("/proc/{}/fdinfo/{}", request.pid, request.data.args[0]));
    info.is_ok_and(|info| info.lines().any(|line| line.strip_prefix("pos:").is_some_and(|at| at.trim() == "0")))
}

/// The calls that have to be stopped: all where nothing is aimed at yet.
fn stopped(aim: Option<Aim>) -> Vec<c_long> {
    let Some(aim) = aim else { return CALLS.iter().map(|call| call.0).collect() };
    let mut stopped = vec![aim.number, libc::SYS_poll, libc::SYS_execve, libc::SYS_write];
    stopped.extend(matches!(aim.kind, Kind::Other(_)).then_some(libc::SYS_getdents64));
    stopped.sort_unstable();
    stopped.dedup();
    stopped
}
