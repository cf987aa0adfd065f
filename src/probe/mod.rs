//! Whether emulation works: a tiny program of each target, run through the kernel.
//!
//! The program writes 16 bytes of its argv\[0\] and ends, so what comes out says that it really ran and what arrived.

mod outcome;

use std::fs::{self, File, Metadata};
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use serde::{Deserialize, Serialize};

use crate::backoff::Backoff;
use crate::error::{Doing, Error, Result, os_text};
use crate::proc;

use self::outcome::explain;
pub use self::outcome::{Failure, Outcome};

/// What a probe is called when it starts; exactly the 16 bytes that it writes.
const TOKEN: &str = "rbinfmt-argv0-ok";
/// An emulator starts in milliseconds; a minute-long start is as good as none.
const LIMIT: Duration = Duration::from_secs(20);
/// How often a probe is run that did not work.
const ROUNDS: usize = 3;
/// Before the next round; what is short of memory or of processes is so for a moment.
const PAUSE: Duration = Duration::from_millis(20);
const PAGE: usize = 4096;

/// Which file ran: the emulator, even where the table's entry holds another file than its path names today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileId {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl FileId {
    /// Of a file looked at.
    pub fn of(file: &Metadata) -> Self {
        FileId { device: file.dev(), inode: file.ino(), size: file.size(), modified: (file.mtime(), file.mtime_nsec()) }
    }

    /// The very same file, or the same file of an image that another container of it has open.
    pub fn same(&self, other: &FileId) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
            || (self.size, self.modified) == (other.size, other.modified)
    }
}

/// A probe that was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// What came of it.
    pub outcome: Outcome,
    /// The program that the kernel started, where it started one.
    pub by: Option<FileId>,
}

/// A program ready to be run.
#[derive(Debug)]
pub struct Probe {
    #[expect(dead_code, reason = "the path is that of the open file")]
    file: File,
    path: PathBuf,
}

impl Probe {
    /// Puts a program into memory. No directory is needed, so that an empty image will do.
    ///
    /// # Errors
    /// What memfd_create(2) and write(2) say.
    pub fn new(program: &[u8]) -> Result<Probe> {
        let doing = || "making a probe program";
        // It must stay open across execve: an emulator opens the program by this descriptor's path.
        let file = memfd_create(c"probe", MFdFlags::empty()).map(File::from).doing(doing)?;
        (&file).write_all(program).doing(doing)?;
        let path = proc::of_descriptor(&file);
        Ok(Probe { file, path })
    }
}

/// Runs a program with an emulator that is in no table.
///
/// # Errors
/// The program cannot be put into memory. That it does not run is an [`Outcome`].
pub fn run_with(emulator: &Path, program: &[u8]) -> Result<Outcome> {
    let probe = Probe::new(program)?;
    let mut command = Command::new(emulator);
    command.arg("-0").arg(TOKEN).arg(&probe.path);
    let mut once = || match Running::start_command(&probe.path, &mut command) {
        Ok(running) => running.finish().outcome,
        Err(outcome) => outcome,
    };
    let mut outcome = once();
    let mut backoff = pauses();
    for round in 1..ROUNDS {
        if !outcome.is_doubtful(round) {
            break;
        }
        backoff.wait(None);
        outcome = once();
    }
    Ok(outcome)
}

/// Runs probes, as many at once as there are cores; the results come in their order. A failure counts when it comes
/// twice, and what could not be determined is tried again.
pub fn run(probes: &[Probe]) -> Vec<Ran> {
    let mut results = run_once(&probes.iter().collect::<Vec<_>>());
    let mut backoff = pauses();
    for round in 1..ROUNDS {
        let doubtful: Vec<usize> = (0..results.len()).filter(|&at| results[at].outcome.is_doubtful(round)).collect();
        if doubtful.is_empty() {
            break;
        }
        backoff.wait(None);
        let again = run_once(&doubtful.iter().map(|&at| &probes[at]).collect::<Vec<_>>());
        for (at, ran) in doubtful.into_iter().zip(again) {
            results[at] = ran;
        }
    }
    results
}

fn pauses() -> Backoff {
    Backoff::tries(ROUNDS as u32, PAUSE, PAUSE * 2)
}

fn run_once(probes: &[&Probe]) -> Vec<Ran> {
    let at_once = cores();
    let mut results: Vec<Option<Ran>> = probes.iter().map(|_| None).collect();
    let mut running: Vec<(usize, Running)> = Vec::new();
    // Those that have closed their output: the kernel takes them down while others already start.
    let mut ending: Vec<(usize, Running)> = Vec::new();
    let mut waiting = probes.iter().enumerate();
    loop {
        while running.len() < at_once
            && let Some((index, probe)) = waiting.next()
        {
            match Running::start(probe) {
                Ok(started) => running.push((index, started)),
                Err(outcome) => results[index] = Some(Ran { outcome, by: None }),
            }
        }
        if running.is_empty() {
            break;
        }
        for at in wait_for_any(&running).into_iter().rev() {
            ending.push(running.swap_remove(at));
        }
        let now = Instant::now();
        for (index, late) in running.extract_if(.., |(_, r)| now >= r.deadline) {
            results[index] = Some(late.give_up());
        }
    }
    for (index, ended) in ending {
        results[index] = Some(ended.end());
    }
    results.into_iter().flatten().collect()
}

fn cores() -> usize {
    // The standard library's count also reads the control groups' quotas, which takes longer than it is worth here.
    let cpus = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0));
    cpus.map_or(1, |set| (0..nix::sched::CpuSet::count()).filter(|&cpu| set.is_set(cpu).unwrap_or(false)).count())
        .max(1)
}

/// Waits until some have closed their output; which ones, in order.
fn wait_for_any(running: &[(usize, Running)]) -> Vec<usize> {
    // Without POLLIN only the end is reported: one wake-up for each program is enough.
    let fds = running.iter().map(|(_, r)| PollFd::new(r.output.as_fd(), PollFlags::empty()));
    let mut fds: Vec<PollFd> = fds.collect();
    let next = running.iter().map(|(_, r)| r.deadline).min().unwrap_or_else(Instant::now);
    let millis = next.saturating_duration_since(Instant::now()).as_millis() + 1;
    // A signal that interrupts only makes us look earlier.
    let _ = poll(&mut fds, PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX));
    (0..fds.len()).filter(|&i| fds[i].any().unwrap_or(false)).collect()
}

struct Running {
    child: Child,
    output: File,
    complaints: Option<File>,
    path: PathBuf,
    by: Option<FileId>,
    deadline: Instant,
}

impl Running {
    /// Starts it, and looks which program the kernel started.
    fn start(probe: &Probe) -> Result<Running, Outcome> {
        let mut command = Command::new(&probe.path);
        command.arg0(TOKEN);
        Running::start_command(&probe.path, &mut command)
    }

    fn start_command(path: &Path, command: &mut Command) -> Result<Running, Outcome> {
        let unclear = |what: &str, e: std::io::Error| Outcome::Unclear(format!("{what}: {}", os_text(&e)));
        let (mut output, input, filled) = full_pipe().map_err(|e| unclear("making a pipe", e.into()))?;
        let complaints = memfd_create(c"stderr", MFdFlags::MFD_CLOEXEC).ok().map(File::from);
        let errors = complaints.as_ref().and_then(|f| f.try_clone().ok()).map_or_else(Stdio::null, Stdio::from);
        let mut child =
            command.env_clear().stdin(Stdio::null()).stdout(input).stderr(errors).spawn().map_err(|e| explain(&e))?;
        // The command would keep the pipe open.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        // Its output pipe is full, so that it cannot have ended yet.
        let by = running_file(child.id());
        if let Err(e) = output.read_exact(&mut vec![0; filled]) {
            let _ = child.kill();
            let _ = child.wait();
            return Err(unclear("reading the probe's output", e));
        }
        Ok(Running { child, output, complaints, path: path.to_owned(), by, deadline: Instant::now() + LIMIT })
    }

    /// Waits for this one alone.
    fn finish(self) -> Ran {
        let one = [(0, self)];
        let ended = loop {
            match wait_for_any(&one).is_empty() {
                false => break true,
                true if Instant::now() >= one[0].1.deadline => break false,
                true => {}
            }
        };
        let [(_, this)] = one;
        if ended { this.end() } else { this.give_up() }
    }

    fn give_up(mut self) -> Ran {
        // A child that has just ended cannot be killed any more, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let why = format!("it did not end within {} s", LIMIT.as_secs());
        Ran { outcome: Outcome::Unclear(why), by: self.by }
    }

    /// How it ended. One that has closed its output is about to; one that does not end all the same has a deadline.
    fn wait(&mut self) -> Option<ExitStatus> {
        let mut backoff = Backoff::until(self.deadline, Duration::from_micros(50), Duration::from_millis(20));
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if backoff.wait(None) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// It has closed its output: what it wrote, and how it ended.
    fn end(mut self) -> Ran {
        // The pipe holds all there is: a page at the most, since nobody else read from it.
        let mut written = vec![0; PAGE];
        let len = match self.output.read(&mut written) {
            Ok(len) => len,
            Err(e) => {
                let _ = self.child.kill();
                let _ = self.child.wait();
                let why = format!("reading the probe's output: {}", os_text(&e));
                return Ran { outcome: Outcome::Unclear(why), by: self.by };
            }
        };
        // The program's sixteen bytes are the last. QEMU 10 writes a complaint before them, and to standard output, where
        // it cannot resolve the program's path, as that of a file in memory.
        let written = &written[len.saturating_sub(TOKEN.len())..len];
        let Some(status) = self.wait() else { return self.give_up() };
        // Where argv[0] is lost, the program sees its path, and after it in memory whatever follows.
        let path = self.path.as_os_str().as_encoded_bytes();
        let shown = &path[..path.len().min(TOKEN.len())];
        let outcome = match (status.code(), written) {
            (Some(0), written) if written == TOKEN.as_bytes() => Outcome::Works { argv0: true },
            (Some(0), written) if written.starts_with(shown) => Outcome::Works { argv0: false },
            (Some(0), _) => Outcome::Fails(Failure::Shifted),
            (Some(status), _) => Outcome::Fails(Failure::Ended { status, complaint: self.complaint() }),
            // Nobody but the kernel, when memory is short, and the administrator send it.
            (None, _) if status.signal() == Some(nix::libc::SIGKILL) => {
                Outcome::Unclear("the emulator was killed by signal 9".into())
            }
            (None, _) => {
                let signal = status.signal().unwrap_or(0);
                Outcome::Fails(Failure::Killed { signal, complaint: self.complaint() })
            }
        };
        Ran { outcome, by: self.by }
    }

    /// The first line that the emulator wrote to its standard error: what comes after it is where it was.
    fn complaint(&mut self) -> String {
        let mut text = Vec::new();
        if let Some(file) = &mut self.complaints {
            let _ = file.rewind();
            let _ = file.take(PAGE as u64).read_to_end(&mut text);
        }
        let text = String::from_utf8_lossy(&text);
        text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default().trim().to_owned()
    }
}

/// Which file a child runs that has just been started, once it is no longer ours: the kernel wakes the parent of a vfork
/// shortly before it gives the child its new memory (exec_mm_release in exec_mmap).
fn running_file(child: u32) -> Option<FileId> {
    let own = fs::metadata(proc::own("exe")).ok().as_ref().map(FileId::of)?;
    for _ in 0..1000 {
        let file = fs::metadata(proc::of_process(child, "exe")).ok().as_ref().map(FileId::of)?;
        if (file.device, file.inode) != (own.device, own.inode) {
            return Some(file);
        }
        std::thread::sleep(Duration::from_micros(50));
    }
    None
}

/// A pipe that is full, as small as the kernel makes one, and how many bytes fill it. Its reading end does not block.
fn full_pipe() -> nix::Result<(File, OwnedFd, usize)> {
    let (output, input) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    let size = match fcntl(&input, FcntlArg::F_SETPIPE_SZ(PAGE as i32)) {
        Ok(size) => size,
        Err(_) => fcntl(&input, FcntlArg::F_GETPIPE_SZ)?,
    } as usize;
    nix::unistd::write(&input, &vec![0; size])?;
    fcntl(&output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((output.into(), input, size))
}

/// The error where it could not be determined whether programs of an architecture run.
pub fn unclear(label: &str, why: &str) -> Error {
    Error::unknown(format!("running a probe program of {label}"), why).help("try again; nothing is concluded from this")
}

/// An error for a probe that had to work and did not.
pub fn error(label: &str, why: &Failure) -> Error {
    Error::failed(format!("running a probe program of {label}"), why)
}
