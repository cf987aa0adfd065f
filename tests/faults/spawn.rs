//! Starts a program some of whose system calls wait for this process's answer: seccomp's user notification.
#![allow(unsafe_code)]

use std::ffi::{CString, OsStr, c_char, c_int, c_void};
use std::fs::File;
use std::io::IoSlice;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use nix::errno::Errno;
use nix::libc::{self, c_long};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout};

// include/uapi/linux/seccomp.h
const NOTIF_RECV: libc::Ioctl = 0xc050_2100u32 as libc::Ioctl;
const NOTIF_SEND: libc::Ioctl = 0xc018_2101u32 as libc::Ioctl;
const NOTIF_SET_FLAGS: libc::Ioctl = 0x4008_2104u32 as libc::Ioctl;
const CONTINUE: u32 = 1;
/// The kernel goes on with the other side on the same CPU.
const SYNC_WAKE_UP: u64 = 1;

/// Of a child, until it is another program.
const STACK: usize = 64 << 10;

/// A program under way.
pub(crate) struct Started {
    pub(crate) main: Pid,
    pub(crate) pidfd: OwnedFd,
    pub(crate) listener: Listener,
    pub(crate) out: File,
    pub(crate) err: File,
    // The child uses both until its execve(2), which waits for an answer.
    _plan: Box<Plan>,
    _stack: Vec<u8>,
}

/// Where the calls that wait are received and answered.
pub(crate) struct Listener(pub(crate) OwnedFd);

/// All that the child needs: it shares the heap and must not allocate.
struct Plan {
    null: File,
    out: File,
    err: File,
    /// Where the number of its listener is sent.
    answer: UnixDatagram,
    filter: Vec<libc::sock_filter>,
    words: Words,
    environment: Words,
}

/// Strings as execve(2) takes them.
struct Words {
    pointers: Vec<*const c_char>,
    _strings: Vec<CString>,
}

impl Words {
    fn new(strings: impl Iterator<Item = Vec<u8>>) -> Words {
        let strings: Vec<CString> = strings.map(|string| CString::new(string).unwrap()).collect();
        let pointers = strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect();
        Words { pointers, _strings: strings }
    }
}

/// Starts `command` in a session of its own, whose calls of these numbers are stopped; execve(2) has to be one of them. Its
/// environment is what the command sets.
pub(crate) fn start(command: &Command, stopped: &[c_long]) -> Started {
    let output = || File::from(memfd_create(c"output", MFdFlags::MFD_CLOEXEC).unwrap());
    let (out, err) = (output(), output());
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    let bytes = |text: &OsStr| text.as_bytes().to_vec();
    let set = |(name, value): (&OsStr, Option<&OsStr>)| Some([name.as_bytes(), b"=", value?.as_bytes()].concat());
    let plan = Box::new(Plan {
        null: File::open("/dev/null").unwrap(),
        out: out.try_clone().unwrap(),
        err: err.try_clone().unwrap(),
        answer: theirs,
        filter: filter(stopped),
        words: Words::new([command.get_program()].into_iter().chain(command.get_args()).map(bytes)),
        environment: Words::new(command.get_envs().filter_map(set)),
    });
    let mut stack: Vec<u8> = Vec::with_capacity(STACK);
    // Memory is shared, as with vfork(2) but without waiting, because the child's execve(2) waits for us. A fork would
    // copy this process's page tables for each run, and its pages once both go on.
    // SAFETY: plan and stack live until the child has ended; it has a table of descriptors and of signal handlers of its own.
    let main = unsafe {
        let top = stack.as_mut_ptr().add(STACK);
        let top = top.sub(top as usize % 16);
        libc::clone(child, top.cast(), libc::CLONE_VM | libc::SIGCHLD, (&raw const *plan).cast_mut().cast())
    };
    let main = Pid::from_raw(Errno::result(main).unwrap());
    let pidfd = pidfd_open(main);
    let mut number = [0; 4];
    let listener = match ours.recv(&mut number) {
        Ok(4) => fetch_fd(&pidfd, RawFd::from_ne_bytes(number)),
        _ => panic!("the filter could not be installed"),
    };
    // SAFETY: a plain number goes in. Older kernels know no such flag, and are slower.
    unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_SET_FLAGS, SYNC_WAKE_UP) };
    Started { main, pidfd, listener: Listener(listener), out, err, _plan: plan, _stack: stack }
}

/// What the child does; its status where that fails.
extern "C" fn child(plan: *mut c_void) -> c_int {
    // SAFETY: start() made it of a plan that outlives us.
    let plan = unsafe { &*plan.cast::<Plan>() };
    let ready = || -> nix::Result<()> {
        nix::unistd::setsid()?;
        // Rust's start ignored it, which a program inherits.
        // SAFETY: it is no function of ours.
        unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }?;
        dup2_stdin(&plan.null)?;
        dup2_stdout(&plan.out)?;
        dup2_stderr(&plan.err)?;
        let listener = install(&plan.filter)?;
        // Not with send(2), which is one of the calls that wait.
        nix::sys::uio::writev(&plan.answer, &[IoSlice::new(&listener.to_ne_bytes())])?;
        Ok(())
    };
    if ready().is_ok() {
        // SAFETY: both end with a null pointer.
        unsafe {
            libc::execve(plan.words.pointers[0], plan.words.pointers.as_ptr(), plan.environment.pointers.as_ptr())
        };
    }
    127
}

impl Listener {
    /// The next call that waits; `None` where it is over before it was received.
    pub(crate) fn receive(&self) -> Option<libc::seccomp_notif> {
        // SAFETY: all zeroes are a value of it, which the kernel wants.
        let mut request: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the request has the size that its number says.
        let received = unsafe { libc::ioctl(self.0.as_raw_fd(), NOTIF_RECV, &raw mut request) };
        (received == 0).then_some(request)
    }

    /// Lets the call fail, or the kernel carry it out.
    pub(crate) fn answer(&self, request: &libc::seccomp_notif, errno: Option<Errno>) {
        let mut response = libc::seccomp_notif_resp { id: request.id, val: 0, error: 0, flags: CONTINUE };
        if let Some(errno) = errno {
            (response.error, response.flags) = (-(errno as i32), 0);
        }
        // SAFETY: the response has the size that its number says. One that was killed takes no answer.
        unsafe { libc::ioctl(self.0.as_raw_fd(), NOTIF_SEND, &raw const response) };
    }
}

/// A program for the kernel that lets these calls wait.
fn filter(stopped: &[c_long]) -> Vec<libc::sock_filter> {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let mut program = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0)];
    for number in stopped {
        let equal =
            libc::sock_filter { jf: 1, ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, *number as u32) };
        program.extend([equal, statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_USER_NOTIF)]);
    }
    program.push(statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW));
    program
}

/// The number of the descriptor on which the filter's calls are heard of. The worker is root of its namespace:
/// PR_SET_NO_NEW_PRIVS is not needed.
fn install(filter: &[libc::sock_filter]) -> nix::Result<RawFd> {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the program lives until the call is over, and the kernel only reads it.
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
