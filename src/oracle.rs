//! Asks the kernel itself what execve(2) does with a file, without running one instruction of it: the new process is
//! traced, stops in front of its first instruction, is looked at and killed.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::ptr;

use bstr::{BString, ByteSlice};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::error::{Doing, Error, Result, Status};
use crate::proc;

/// What the kernel did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The call failed.
    Fails(Errno),
    /// The process was killed after the point of no return.
    Killed(Signal),
    /// A program is stopped before its first instruction.
    Starts(Process),
}

/// A program before its first instruction, as /proc shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// cmdline
    pub argv: Vec<BString>,
    /// exe
    pub exe: PathBuf,
    /// AT_FLAGS
    pub at_flags: u64,
    /// The file that AT_EXECFD is open on.
    pub execfd: Option<PathBuf>,
}

/// Whom the kernel takes for the caller. To be another one takes privileges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// A directory for chroot(2).
    pub root: Option<PathBuf>,
    /// User, group and supplementary groups.
    pub user: Option<(u32, u32, Vec<u32>)>,
}

/// What the child shares with us; it runs in our memory until it has executed.
struct Call {
    path: *const libc::c_char,
    argv: *const *const libc::c_char,
    env: *const *const libc::c_char,
    root: *const libc::c_char,
    user: *const (u32, u32, Vec<u32>),
    errno: i32,
    /// The child could not become the caller that was wanted.
    unprepared: bool,
}

const STACK: usize = 64 << 10;
const AT_EXECFD: u64 = 2;
const AT_FLAGS: u64 = 8;

/// Executes `path` with these arguments and environment in a traced process that ends before it begins.
///
/// # Errors
/// The process could not be made or traced: ptrace(2) may be forbidden here.
pub fn ask(path: &[u8], argv: &[BString], env: &[BString]) -> Result<Answer> {
    ask_as(&Caller::default(), path, argv, env)
}

/// Like [`ask`], as another caller.
///
/// # Errors
/// The process could not be made or traced, or could not become that caller: only root can.
pub fn ask_as(caller: &Caller, path: &[u8], argv: &[BString], env: &[BString]) -> Result<Answer> {
    let doing = || format!("asking the kernel about {}", path.as_bstr());
    let c_string = |bytes: &[u8]| CString::new(bytes).map_err(|_| Error::failed(doing(), "a NUL byte in an argument"));
    let c_strings = |list: &[BString]| list.iter().map(|s| c_string(s)).collect::<Result<Vec<CString>>>();
    let (c_path, c_argv, c_env) = (c_string(path)?, c_strings(argv)?, c_strings(env)?);
    let pointers = |list: &[CString]| list.iter().map(|s| s.as_ptr()).chain([ptr::null()]).collect::<Vec<_>>();
    let (argv, env) = (pointers(&c_argv), pointers(&c_env));
    let c_root = caller.root.as_deref().map(|root| c_string(root.as_os_str().as_bytes())).transpose()?;
    let mut call = Call {
        path: c_path.as_ptr(),
        argv: argv.as_ptr(),
        env: env.as_ptr(),
        root: c_root.as_ref().map_or(ptr::null(), |root| root.as_ptr()),
        user: caller.user.as_ref().map_or(ptr::null(), ptr::from_ref),
        errno: 0,
        unprepared: false,
    };

    let pid = start(&mut call).map_err(std::io::Error::from).doing(doing)?;
    let status = wait(pid).map_err(std::io::Error::from).doing(doing)?;
    match status {
        WaitStatus::Exited(..) if call.unprepared => {
            let error = std::io::Error::from_raw_os_error(call.errno);
            let doing = format!("becoming the caller to ask the kernel about {}", path.as_bstr());
            Err(Error::io(doing, error).with_status(Status::Unknown).help("root can chroot and be another user"))
        }
        WaitStatus::Exited(..) => Ok(Answer::Fails(Errno::from_raw(call.errno))),
        WaitStatus::Signaled(_, signal, _) => Ok(Answer::Killed(signal)),
        WaitStatus::Stopped(_, signal) => {
            // A fatal signal stops a traced process too, before it ends it.
            let answer = match signal {
                Signal::SIGTRAP => look_at(pid).doing(doing).map(Answer::Starts),
                fatal => Ok(Answer::Killed(fatal)),
            };
            let _ = kill(pid, Signal::SIGKILL);
            let _ = wait(pid);
            answer
        }
        other => Err(Error::unknown(doing(), format_args!("the process ended in an unforeseen way: {other:?}"))),
    }
}

/// Starts the traced child. It shares our memory, as after vfork(2), and we stand still until it has executed or ended:
/// so it can tell the error number, and nothing is copied.
fn start(call: &mut Call) -> Result<Pid, Errno> {
    let mut stack = vec![0u8; STACK];
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    #[expect(unsafe_code)]
    // The child runs on a stack of its own that outlives it, for CLONE_VFORK holds us back until it is done with it;
    // it makes system calls only and writes nothing but `call.errno`.
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(STACK & !15);
        libc::clone(child, top.cast(), flags, ptr::from_mut(call).cast())
    };
    Errno::result(pid).map(Pid::from_raw)
}

extern "C" fn child(call: *mut libc::c_void) -> libc::c_int {
    #[expect(unsafe_code)] // `call` is the parent's, which waits; only system calls are made.
    unsafe {
        let call = &mut *call.cast::<Call>();
        let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::setrlimit(libc::RLIMIT_CORE, &no_core);
        if prepare(call) {
            libc::execve(call.path, call.argv, call.env);
        } else {
            call.unprepared = true;
        }
        call.errno = *libc::__errno_location();
        libc::_exit(0)
    }
}

/// Lets itself be traced, and becomes the caller.
#[expect(unsafe_code)] // System calls only, made directly: the C library's wrappers would change every thread of ours.
unsafe fn prepare(call: &Call) -> bool {
    unsafe {
        let entered = call.root.is_null() || (libc::chroot(call.root) == 0 && libc::chdir(c"/".as_ptr()) == 0);
        let became = call.user.as_ref().is_none_or(|(uid, gid, groups)| {
            libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) == 0
                && libc::syscall(libc::SYS_setresgid, *gid, *gid, *gid) == 0
                && libc::syscall(libc::SYS_setresuid, *uid, *uid, *uid) == 0
        });
        entered && became && libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) == 0
    }
}

fn wait(pid: Pid) -> Result<WaitStatus, Errno> {
    loop {
        match waitpid(pid, Some(WaitPidFlag::__WALL)) {
            Err(Errno::EINTR) => {}
            status => return status,
        }
    }
}

fn look_at(pid: Pid) -> std::io::Result<Process> {
    let file = |name: &str| proc::of_process(pid.as_raw().unsigned_abs(), name);
    let cmdline = fs::read(file("cmdline"))?;
    let mut argv: Vec<BString> = cmdline.split(|&b| b == 0).map(BString::from).collect();
    argv.pop();
    let auxv = fs::read(file("auxv"))?;
    let entry = |key| auxiliary(&auxv, key);
    let execfd = entry(AT_EXECFD).map(|fd| fs::read_link(file(&format!("fd/{fd}")))).transpose()?;
    Ok(Process { argv, exe: fs::read_link(file("exe"))?, at_flags: entry(AT_FLAGS).unwrap_or(0), execfd })
}

/// A value of the auxiliary vector. A 32-bit program has 32-bit pairs, which read as 64-bit ones have absurd keys.
fn auxiliary(vector: &[u8], key: u64) -> Option<u64> {
    const LARGEST_KEY: u64 = 1 << 16;
    let (wide, _) = vector.as_chunks::<16>();
    let half = |pair: &[u8; 16], at: usize| pair[at..at + 8].iter().rev().fold(0, |n, &b| n << 8 | u64::from(b));
    if wide.first().is_some_and(|pair| half(pair, 0) <= LARGEST_KEY) {
        return wide.iter().find(|pair| half(pair, 0) == key).map(|pair| half(pair, 8));
    }
    let (narrow, _) = vector.as_chunks::<8>();
    let half = |pair: &[u8; 8], at: usize| pair[at..at + 4].iter().rev().fold(0, |n, &b| n << 8 | u64::from(b));
    narrow.iter().find(|pair| half(pair, 0) == key).map(|pair| half(pair, 4))
}

/// The environment of this process, as execve(2) would get it.
pub fn own_environment() -> Vec<BString> {
    std::env::vars_os().map(|(key, value)| [key.into_vec(), value.into_vec()].join(&b'=').into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_a_script_and_nothing() {
        let started = ask(b"/bin/sh", &["x".into(), "".into(), "y".into()], &[]).unwrap();
        let Answer::Starts(process) = started else { panic!("{started:?}") };
        assert_eq!(process.argv, ["x", "", "y"]);
        assert_eq!(process.execfd, None);
        assert_eq!(ask(b"/nonexistent", &[], &[]).unwrap(), Answer::Fails(Errno::ENOENT));
        assert_eq!(ask(b"/", &[], &[]).unwrap(), Answer::Fails(Errno::EACCES));
    }

    #[test]
    fn auxiliary_vectors_of_both_sizes() {
        let wide = [8u64, 1, 2, 3, 0, 0].map(u64::to_le_bytes).concat();
        assert_eq!((auxiliary(&wide, 8), auxiliary(&wide, 2), auxiliary(&wide, 5)), (Some(1), Some(3), None));
        let narrow = [32u32, 7, 8, 1, 0, 0].map(u32::to_le_bytes).concat();
        assert_eq!((auxiliary(&narrow, 8), auxiliary(&narrow, 2)), (Some(1), None));
    }
}
